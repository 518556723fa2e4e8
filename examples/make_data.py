"""Writes the datasets of the example specs: invented conversations of a parcel service's support desk.

The texts are hand-written and combined by a seeded generator, so running this again gives the same bytes:

    python examples/make_data.py

Larkway, its customers and its parcels do not exist. Only the standard library is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random

SPECS = Path(__file__).parent / "specs"

Message = dict[str, object]
Row = dict[str, object]

# --- the words


QUICKSTART_SYSTEM = "You answer customers of Larkway, a parcel service. Be brief and kind, and name the next step."
CHAIN_SYSTEM = (
    "You work at the support desk of Larkway, a parcel service. Answer in two to four sentences, without jargon. "
    "Say what happens next and when. Never promise a delivery time that tracking does not show."
)
TOOLS_SYSTEM = f"{CHAIN_SYSTEM} Use the tools when they are needed, and ask for a tracking number you do not have."

GREETINGS = ("", "", "Hi. ", "Hello. ", "Good morning. ", "Good evening. ", "Hi there. ")
THANKS = ("", "", "", " Thanks.", " Thank you in advance.", " I hope you can help.")
OFFERS = ("", "", " Write again if anything is unclear.", " I am glad to help further.")

NOUNS = """pair of walking boots, birthday present, box of school books, desk lamp, winter coat, bicycle light,
coffee grinder, tray of seedlings, phone charger, picture frame, board game, set of curtains, guitar strap,
small toolbox, jar of honey, rain jacket, camera bag, wall clock, chess set, teapot"""
PLACES = """Harbour Street, Mill Lane, Station Square, Orchard Road, Castle Hill, Bridge End, Linden Avenue,
Market Hall, Quarry Row, Weavers Yard, Chapel Green, North Quay"""
SLOTS = {
    "noun": NOUNS,
    "place": PLACES,
    "day": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday",
    "shop": "a shoe shop, an online bookshop, a garden centre, a toy shop, a furniture shop, an outdoor outfitter",
    "hour": "nine, ten, eleven, noon, two, four, half past five",
    "country": "Norway, Iceland, Turkey, Japan, Canada, Serbia",
    "weight": "12, 18, 24, 27",
}

# One block for each thing that people write about. `?` are ways to ask and `!` ways to answer, each standing for
# itself; `>` is what is asked next, and `<` its answer.

DELIVERY = """
? My parcel with {item} should have come on {day}. Where is it?
? I waited at home all {day} and nobody came with {item}.
? The delivery of {item} from {shop} is late. What is going on?
? It says out for delivery since {day}, but {item} never arrived.
! I am sorry for the wait. Please send me the tracking number; I will check the last scan and tell you the new day.
! That is annoying, I understand. Give me the tracking number and I will ask the depot where the parcel stands.
> What if it is lost?
< If there is no scan for seven days we call it lost, open a claim and tell the sender.
> Can I choose a new day?
< Yes. Open the tracking page, choose Change delivery and pick any of the next five working days.

? Tracking says delivered on {day}, but I do not have {item}.
? Your app claims that {item} was handed over at {place}. That was not me!
? The parcel from {shop} is marked as delivered and there is nothing at my door.
! Please look with your neighbours and in any place you allowed for drop-off. If it is not there, send me the tracking
  number and I will ask the courier today.
! I will look into it. The delivery note has the place and the time of the handover; send me the tracking number and I
  will read it to you.
> Nobody in the house has it.
< Then I open an inquiry. The courier must answer within two working days, and you hear from us on the third.
> Who pays if it is gone?
< We refund the declared value to the sender, who then replaces or refunds your order.

? The box with {item} arrived crushed. What now?
? I opened the parcel from {shop} and {item} is broken.
? There is a hole in the carton, and {item} got wet.
! I am sorry about that. Please keep the box, take photos of it and of the contents, and report the damage within
  seven days on the claims page.
! Please do not throw anything away. Photograph the outside, the padding and the damage, then start a claim with the
  tracking number; it takes about five minutes.
> How long does a claim take?
< Most are decided within ten working days. You get a message at each step.
> I already threw the box away.
< Then send photos of the contents and the invoice. It may take longer, but the claim can still be checked.

? I have moved. Can {item} go to {place} instead?
? Please change the address of my parcel from {shop}, I am at {place} until {day}.
? I made a mistake in the address when I ordered {item}.
! Until the parcel is loaded for delivery you can change the address on the tracking page, under Change delivery. It
  costs nothing within the same town.
! Yes, once per parcel. Open the tracking link in your message, choose Change delivery and enter the new address; you
  get a confirmation at once.
> It will not let me change it.
< Then it is already in the van. The courier brings it back if nobody is there, and you can redirect it tonight.
> Can it go to a locker instead?
< Yes, if it is no bigger than 60 by 40 by 35 centimetres. Choose Locker and pick one near you.

? I missed the courier on {day}. How do I get {item} now?
? There is a card in my letterbox but I cannot read where {item} was taken.
? Nobody was in at {hour}. Will you come again with my parcel from {shop}?
! We try once more on the next working day. If you prefer, collect the parcel from the shop named on the tracking
  page; it is kept for seven days.
! The tracking page shows where it waits. You can have it brought again on a day you choose or collect it with your
  ID.
> Can my flatmate collect it?
< Yes. They need the collection code from your message and their own ID.
> I am away for two weeks.
< You can extend the time once, to fourteen days, on the tracking page. After that it goes back to the sender.

? The locker at {place} does not take my code.
? I stand at the locker at {place} and no door opens.
? My code for the locker at {place} has expired. {Item} is still inside.
! Please tap Forgotten code on the screen and enter your phone number; a new code comes within a minute. The old one
  stops working then.
! Codes are valid for three days. Ask for a new one on the tracking page, and keep your hand on the door when it
  clicks.
> The screen is black.
< Then the locker has no power. Nothing is lost: I report it, and your three days begin again when it is back.
> The door opened and it was empty.
< Please close the door and tell me its number. I will ask the depot now and call you back today.

? I want to send {item} back to {shop}. Where do I get a label?
? How does a return work? {Item} is not what I ordered.
! The sender makes the return label; you find it in your order or in the parcel. Hand the parcel in at any drop-off
  point and keep the receipt.
! Please ask the shop for a return label or a return code. With either of them you can hand the parcel in at any
  drop-off point.
> When do I get my money back?
< The shop decides that, usually within fourteen days after the return arrives. Your receipt proves the date.
> Can you collect it?
< Yes, for a fee. Choose Collection when you enter the return code, and pick a day.

? Can I hand in a return at {place} without a printer?
? My printer is broken and {item} must go back by {day}. What can I do?
? {Shop} sent me a code instead of a label for {item}. How do I use it?
! No printer is needed: show the return code on your phone at a drop-off point and the label is printed there.
! The code is enough. Have it scanned at a shop or at a locker, stick on the label that comes out, and keep the receipt.
> The locker has no paper.
< Then write the code on the box in large figures; the depot prints the label. The receipt is on your phone.

? How do I send {an_item} to {country}?
? Which papers do I need for a parcel to {country}?
! For {country} you need a customs form with the contents, the value and the purpose, in English. Fill it in online
  and put a copy on the outside.
! The booking page asks for everything that {country} wants: contents, value and purpose. Print the form twice, one for
  the inside and one for the outside.
> Who pays the duty?
< Normally the receiver, before delivery. You can choose to pay it as the sender when you book.
> What may I not send?
< No batteries on their own, no perfume, no plants and no cash. The full list for the country is on the booking page.

? My parcel to {country} has been in customs since {day}.
? {Item} from {country} does not get through customs. What is missing?
? Customs in {country} wants a paper for {item}. Where do I send it?
! Customs takes two to six working days. If a paper is missing, you get a message with a link to add it; please look
  in the spam folder too.
! Please open the tracking page: if customs waits for something, there is a button to add it. The six days begin when
  everything is there.
> Can you ask them?
< We see the same status as you. After six working days I can start an inquiry with our partner there.

? My parcel with {item} weighs {weight} kilos. Is that allowed?
? What is the largest box I can send with {an_item}?
? What does it cost to send {weight} kilos to another town?
! Up to 30 kilos and 120 centimetres on the longest side are fine. The price depends on size and weight; the booking
  page shows it before you pay.
! A parcel may weigh 30 kilos and be 120 centimetres long, less for a locker. Enter the outer measures on the booking
  page and it names the price.
> And if it is heavier?
< Then it travels as freight. You can book that by phone, with two days' notice.
> I measured wrongly.
< We measure again at the depot and charge or refund the difference to your account.

? What is insured if you lose {item}?
? Is my parcel to {place} insured?
? {Item} that I send is worth more. Do I need extra cover?
! Every tracked parcel is covered up to 500 euros. For more you can add cover up to 2,500 euros when you book.
! Cover up to 500 euros is included. Keep the invoice, since a claim needs proof of the value.
> Does it cover jewellery?
< No. Jewellery, cash and vouchers are excluded, whatever the cover.
> Can I add cover later?
< Only until the parcel is scanned for the first time.

? Your courier threw the box with {item} over my gate.
? The driver on {day} was rude to me.
? Somebody left {item} in the rain at {place}. I want to complain.
! I am sorry, that is not how we want to work. Please tell me the day, the time and the place, and I will pass it to
  the depot's manager.
! Thank you for telling us, and I apologise. I have noted it; the depot talks with the courier and answers you within
  three working days.
> Will anything happen at all?
< Yes. Complaints are reviewed every week, and you get a written answer that says what was done.
> Please never leave parcels outside.
< I understand. Set No drop-off in your delivery preferences and it holds for every parcel.

? The tracking has not changed since {day}. Is {item} stuck?
? Why does the status of {item} say in transit for days?
! A new scan can take up to two working days. If nothing changes by then, send me the number and I will ask the depot
  to look for it.
! In transit means that it is between two depots. Scans happen on arrival, so a gap of a day or two is normal; after
  that I will search for it.
> It has been three days.
< Then send me the number, please. I will start a search in the depot right away.

? Tracking shows only that {shop} made a label.
? {Item} was announced on {day}, and nothing happened since.
? What does announced mean? {Item} should be here by now.
! Announced means that the sender made a label and we do not have the parcel yet. Please ask the sender when it was
  handed over.
! We were told about this parcel, but nobody has brought it to us so far. The sender can say when it leaves.
> The sender says you have it.
< Ask them for the drop-off receipt. With it I can trace the parcel even without a scan.
"""

ACCOUNT = """
? I cannot sign in since {day}.
? The app has not accepted my password since {hour}.
? My account was locked at {hour} on {day}. Why?
! After some wrong tries we lock an account for half an hour. Then use Forgotten password on the sign-in page; the link
  arrives within five minutes and works once.
! After five wrong tries an account is locked for thirty minutes. After that, ask for a new password and sign in with
  it.
> No message arrives.
< Please look in the spam folder. If it is not there, your account may use another address.
> I no longer have that address.
< Then write to us from the new one with a tracking number from your account. We change it within one working day.

? I need an invoice for sending {an_item}.
? Our bookkeeping wants all invoices since {day}.
? Please send the invoice for the parcel to {country} again.
! You find every invoice under Account, Invoices, as a file to download. New ones appear on the day after the booking.
! Please look under Account, Invoices; every booking has one there, and you can send it on to another address.
> Can it have our company's name?
< Yes. Change the name under Account before the month ends, and the next invoice carries it.
> The amount is wrong.
< Please reply with the booking number. Billing compares it with the depot's measurement within five working days.

? The invoice shows {weight} kilos, but the parcel with {item} was lighter.
? I was charged twice for the parcel to {country}.
? Why is the invoice for {item} higher than the price I was shown?
! That should not be. Please reply with the booking number; billing checks it within five working days and refunds what
  was too much.
! I will have it checked. The depot measures every parcel, so send me the booking number and, if you have one, a photo
  of the packed box.
> Must I pay until then?
< No. The amount is on hold while it is checked, and no reminder is sent.

? Can you collect {item} from my house on {day}?
? How do I book a regular collection for our shop at {place}?
! Collections run from eight to six on working days. Book until midnight for the next day, and have the parcel
  labelled at the door.
! Yes, choose Collection on the booking page, with a day or as a weekly order. Please have everything labelled by eight.
> Can I give an exact time?
< We name a window of two hours on the evening before. An exact time is not possible.
> Does it cost extra?
< One parcel costs three euros; from five parcels on a collection is free.

? Please move the collection of {item} to {day}.
? I booked a collection for {day} and will not be in. Can I change it?
? The collection at {place} must be later than {hour}.
! You can change a collection until seven in the morning of its day, under My bookings. After that the van is on its
  way.
! That is possible until the evening before: open My bookings, choose the collection and pick another day or window.
> The van has come already.
< Then hand the parcel in at a drop-off point; the fee for the collection comes back to you.

? How should I pack {an_item}?
? Which box do you recommend for {an_item}?
? Is an old carton good enough to send {an_item} to {country}?
! Use a firm carton with five centimetres of padding on every side. Close it with strong tape along all edges and
  remove old labels.
! A used carton is fine when it is stiff and has no old label. Fill every gap, so that nothing moves when you shake
  it.
> Do you sell cartons?
< Yes, at most drop-off points, in four sizes. The smallest costs two euros.
> Is newspaper enough?
< For light things, yes. For glass or anything heavy, use bubble wrap or moulded paper.

? When does the drop-off point at {place} open?
? Is the shop at {place} open on {day}?
? Where near {place} can I hand in a parcel after {hour}?
! Opening hours stand on the map page; enter the street and choose the shop. Lockers take parcels at any hour.
! Most drop-off points open from nine to six. For later hours choose a locker, which also prints a receipt.
> The shop was closed.
< I am sorry for the trip. Tell me the day and I will have the hours on the map corrected.
> Can I hand in several at once?
< Yes, as many as you like. At a locker, one after the other.

? When do I get my refund for {item}?
? My claim was accepted on {day}, but there is no money yet.
? You promised a refund for the late parcel from {shop}. Where is it?
! A refund leaves us within five working days after the decision and goes back the way it was paid. Banks need up to
  three days more.
! I can check that. Please send me the claim number, and confirm that the bank details in your account are still
  right.
> My bank details have changed.
< Then update them under Account, Payments, today. I hold the payment until tomorrow.
> Can I have a voucher instead?
< Yes, and it comes at once by message. It is valid for twelve months.

? Please delete my account and what you know about {item}.
? Which data do you keep about my parcels to {place}?
? I closed my account on {day}. What happens to my data?
! You can ask for a copy and close the account under Account, Privacy. Delivery data goes after two years, as the law
  asks; everything else goes at once.
! We keep delivery data for two years, as the law asks, and nothing longer. A copy is under Account, Privacy.
> Is that final?
< You have fourteen days to change your mind. After that the account cannot be restored.

? How do I stop your messages about {item}?
? I do not want to be notified at {hour} any more.
? Your app reports every step of {item}. That is too much!
! Under Account, Messages you choose which ones you get and at what hours. The change holds from the next message on.
! I understand. Switch off what you do not need under Account, Messages; only the collection code always comes.
> I only want fewer messages.
< Choose Delivery day only. You then get one message per parcel.
"""

OCTOBER = """
? Since the app update I see no locker code for {place}.
? Where did the code go in the new app? {Item} is in the locker at {place}.
? How do I open the locker at {place} with the new app?
! In the new version the code is under Parcels, Open locker, and needs your location switched on. The code in the text
  message works as before.
! Open Parcels, choose the one in the locker and tap Open locker. If nothing is shown, switch location on for the app
  or use the code on the tracking page.
> I do not want to share my location.
< Then type the code by hand at the locker; no location is needed for that.
> My phone is too old for it.
< The tracking page in the browser does everything that the app does.

? The new version of the app has signed me out all the time since {day}.
? The app closes when I tap on {item}.
? Since {day} the app shows an empty list, although {item} is on its way.
! That is a known fault of version 8.0, sorry. Please install 8.0.2; until then the tracking page shows everything.
! It comes from the update of this month. Version 8.0.2 mends it; remove the app first if the update does not start.
> Will I lose my addresses?
< No. They belong to your account and are back as soon as you sign in.

? The storm closed the road to {place}. What happens with {item}?
? Will {item} come on {day} despite the storm warning?
? My delivery from {shop} was called off because of the weather.
! In areas with a red warning no van goes out. Your parcel is safe in the depot and comes on the first day after the
  warning ends.
! Safety comes first, so that round was called off. You do not need to do anything; a new day is in tracking by the
  evening.
> I need it urgently.
< You can collect it at the depot once the warning is lifted. Bring your ID and the code.
> Do I get money back?
< Express fees are refunded by themselves within ten days. Standard parcels have no fixed day.

? Did something change for parcels to Switzerland? I want to send {an_item}.
? Do I need the new customs number to send {an_item} to Zurich?
! The customs form is new: since 1 October Switzerland needs the six-digit goods number of each item. The booking page
  suggests one when you type the contents.
! Yes, since 1 October every item needs its six-digit goods number on the form. You find it on the booking page by
  typing what it is.
> Which number is right?
< Choose the closest suggestion. For mixed contents, enter one line for each kind of thing.
> Is a gift exempt?
< Gifts under 100 francs are free of duty, but they need the number as well.

? My parcel to Switzerland with {item} came back on {day}.
? You returned {item} from the Swiss border. Why?
? {Item} for Basel was refused. What did I do wrong?
! It was returned because the goods number is now required. Add it under My bookings and we send the parcel again at no
  cost.
! You did nothing wrong; the rule is from this month. Add the six-digit goods number to the booking, and the parcel
  leaves again on the next working day.
> Must I pack it again?
< No. We print a new form and put it into the pouch outside.

? The drop-off point at {place} has gone. Where do I go now?
? Is there a new drop-off point near {place}?
? I heard that the shop at {place} stops taking parcels on {day}. Where else can I go?
! Forty shops joined us this month, so please look at the map again. Parcels on their way to a closed shop are moved
  to the nearest one, and you get a message.
! Some shops left and forty new ones came this month. The map shows the nearest; lockers there take up to 15 kilos.
> It is too far to walk.
< Then choose home delivery on the tracking page. The change is free this month.
> Do they keep the same hours?
< Most do; the exact hours stand on the map when you tap the shop.

? I am a student and move into {place} on {day}. How do you find my room?
? Can {item} go to a student house at {place}?
? The house at {place} has no names at the bells. Will {item} reach me?
! Please put the house, floor and room in the second address line. Or choose a locker on the campus; it is the surest
  way in the first weeks.
! Without a name the courier cannot find you in a large house. Add the room number on the tracking page, or send the
  parcel to a locker.
> Can the porter take it?
< Yes, if the house allows it. Choose Reception as the drop-off place.
> I have no room number yet.
< Then a locker is best: parcels wait there for three days, and six on request.
"""

NOVEMBER = """
? I ordered {an_item} on Black Friday. When will it come?
? Is everything late because of Black Friday? My order from {shop} is stuck.
? Tracking has said high volume since {day}. Is {item} stuck?
! We carry about twice the usual number of parcels until 4 December, so one or two days more are normal. Tracking
  shows the day as soon as the parcel is sorted.
! There are twice as many parcels as usual, so yours waits for a free place in a van. It keeps its turn, and nothing is
  sent back.
> Can I pay for express now?
< Not any more once it is on its way. You can still collect it at the depot.
> Does it help to call?
< The phone shows the same as tracking, and waiting times are long. I can watch it for you here.

? Do you really deliver at {place} in the evening now?
? Can {item} come after six in the evening, to {place}?
? How do I book the evening window for {day}?
! In larger towns we deliver from six to nine until Christmas. Choose Evening on the tracking page before noon of
  that day.
! The evening window costs 2.50 euros and is offered on the tracking page when your street is part of it.
> It is not offered to me.
< Then your street is not on an evening round yet. A locker at any hour is the closest choice.
> May I cancel it?
< Yes, until noon; the fee goes back to you. After that the round is fixed.

? The courier asked for my ID for {item}. Why?
? What is the new age check? I was not given the parcel from {shop}.
? Can my son of sixteen take the parcel with wine on {day}?
! Senders can ask for an age check, for example for wine or knives. An adult shows an ID at the door, and the courier
  notes only that it was checked.
! For such a parcel an adult must be at the door with an ID. If nobody is, it waits at a shop for seven days.
> Do you store my birth date?
< No. Only that you are of age is stored, together with the time.
> Can I use a photo of my ID?
< No, it must be the card or the official app.

? How do I hide the price when I send {an_item} as a present?
? My children must not see that {item} is coming to {place}.
? What is the gift mode in the booking form?
! Choose Gift when you book: the label then shows no contents, and the receiver sees only your first name and the day.
! Gift mode hides the contents and pictures in tracking. You can switch it on until the parcel is out for delivery.
> Can I add a card?
< Yes, up to 200 characters. It is printed and put into the outer sleeve.
> Does it work abroad?
< Only inside the country, since customs must see the contents.

? The locker at {place} is always full. Where does {item} go?
? Why was {item} sent from the locker at {place} to a shop?
! Before Christmas lockers fill up early. If there is no free door your parcel goes to the nearest shop, and your
  message names it.
! All doors there were taken. Your parcel is then kept at the nearest shop for seven days; the message has its name and
  hours.
> I cannot get to that shop.
< Then choose another place on the tracking page until ten in the evening.
> How long is it kept?
< Seven days in a shop, three in a locker. You can extend each once.

? Can I reserve a locker at {place} for {day}?
? I want {item} in the locker at {place} and nowhere else. Is that possible?
! A door cannot be reserved. If you collect within a day you help others, and your next locker parcel is free.
! Not before Christmas, sorry. Choose the locker and a second place that suits you, and it goes to one of the two.
> Which lockers are large?
< The map shows the number of doors. Those at railway stations have the most.

? Until when must I send {an_item} to arrive before Christmas?
? Is {day} early enough to send {an_item} to {place}?
! Inside the country hand it in by 19 December, and by 21 December as express. I would plan two days more, to be sure.
! The last days are 19 December, or 21 December for express, each before noon. Lockers are emptied until then.
> Is that guaranteed?
< Only express has a fixed day. For standard parcels it is our aim, not a promise.
> Do you deliver on the 24th?
< Yes, until two in the afternoon. Lockers work on all holidays.

? What is the last day for a parcel to {country} before the holidays?
? Can {item} still reach {country} by Christmas if I send it on {day}?
! The booking page shows the last day for each country. Customs is slow in December, so I would send it a week earlier.
! That depends on customs in {country}. Enter the country on the holiday page; it names the last safe day for standard
  and express.
> And if it comes late?
< Standard parcels have no fixed day. For express you get the surcharge back.
"""


def tool(name: str, about: str, /, **parameters: str) -> dict[str, object]:
    """Return a tool's definition whose parameters are texts, all of them required."""
    properties = {key: {"type": "string", "description": meaning} for key, meaning in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "description": about, "parameters": schema}}


NUMBER = "Tracking number: LK and eight digits"
TOOLS = [
    tool("track_parcel", "Return the last scans and the planned day of a parcel.", tracking_number=NUMBER),
    tool(
        "open_claim",
        "Open a claim for a lost or damaged parcel.",
        tracking_number=NUMBER,
        reason="lost, damaged or incomplete",
        description="What happened, in one sentence",
    ),
    tool(
        "change_delivery",
        "Send a parcel to another place or on another day.",
        tracking_number=NUMBER,
        place="Street, shop or locker",
        day="A day of the week",
    ),
    tool("find_drop_point", "List drop-off points and lockers near a street.", street="Street or place"),
]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that a tool does: how people ask for it, the call, what the tool says and how that is told.

    An ask without a number is met with a question, because the number cannot be guessed.
    """

    tool: str
    asks: tuple[str, ...]
    arguments: dict[str, str]
    results: tuple[tuple[dict[str, object], str], ...]
    vague: tuple[str, ...] = ()


TASKS = (
    Task(
        "track_parcel",
        (
            "Where is {number}?",
            "Can you look up {number}? It should bring {item}.",
            "I wait for {item}, the number is {number}.",
            "Please tell me when {number} from {shop} arrives.",
        ),
        {"tracking_number": "{number}"},
        (
            (
                {"status": "in_transit", "last_scan": "depot {place}", "planned": "{day}"},
                "It was last scanned at the depot {place} and is planned for {day}. You get a message in the morning.",
            ),
            (
                {"status": "out_for_delivery", "planned": "{day}", "window": "10:00-12:00"},
                "It is in the van and comes on {day} between ten and twelve.",
            ),
            (
                {"status": "waiting", "at": "locker {place}", "until": "{day}"},
                "It waits in the locker at {place} until {day}. The code is in your message.",
            ),
            (
                {"status": "announced", "planned": None},
                "The sender has announced it, but we do not have it yet. Please ask them when it was handed over.",
            ),
        ),
        ("Where is my parcel with {item}?", "Is the parcel from {shop} coming on {day}?"),
    ),
    Task(
        "open_claim",
        (
            "{number} came with a broken corner, and {item} is damaged. Please open a claim.",
            "I want to report damage: number {number}, contents {item}.",
            "The box {number} was torn open on {day} and {item} is scratched.",
        ),
        {"tracking_number": "{number}", "reason": "damaged", "description": "The parcel with {item} arrived damaged."},
        (
            (
                {"claim": "C-{claim}", "status": "open", "photos": "required"},
                "Your claim is C-{claim}. Please add photos of the box and the contents within seven days. The "
                "decision takes up to ten working days.",
            ),
            (
                {"claim": None, "error": "claim exists", "existing": "C-{claim}"},
                "There is already a claim for this parcel, C-{claim}. You can add photos to it.",
            ),
        ),
        ("I want to claim for {item}, it arrived broken.", "How can I report that {item} was damaged on {day}?"),
    ),
    Task(
        "open_claim",
        (
            "{number} has not moved for ten days. I think {item} is lost.",
            "Please treat {number} as lost, {shop} says so too.",
        ),
        {"tracking_number": "{number}", "reason": "lost", "description": "No scan for more than seven days."},
        (
            (
                {"claim": "C-{claim}", "status": "open", "search_until": "{day}"},
                "I opened claim C-{claim}. The depot searches until {day}; after that the sender is refunded.",
            ),
        ),
        ("I think that you lost {item}.",),
    ),
    Task(
        "change_delivery",
        (
            "Please bring {number} to {place} on {day}.",
            "I am at {place} on {day}, can {number} come there?",
            "Change {number} to {day}, please, and to {place}.",
        ),
        {"tracking_number": "{number}", "place": "{place}", "day": "{day}"},
        (
            (
                {"changed": True, "place": "{place}", "day": "{day}"},
                "Done: your parcel goes to {place} on {day}. A confirmation is on its way to you.",
            ),
            (
                {"changed": False, "reason": "already loaded"},
                "It is already loaded into the van, so it cannot be changed today. Tonight you can redirect it.",
            ),
        ),
        ("Can you bring {item} on {day} instead?", "Please send my parcel to {place}."),
    ),
    Task(
        "find_drop_point",
        (
            "Where can I hand in {item} near {place}?",
            "Which locker is closest to {place}?",
            "I need a drop-off point around {place} that is open on {day}.",
        ),
        {"street": "{place}"},
        (
            (
                {"points": [{"name": "Locker {place}", "open": "always"}, {"name": "Kiosk", "open": "07:00-19:00"}]},
                "There is a locker at {place} that is open at all hours, and a kiosk nearby from seven to seven.",
            ),
            (
                {"points": []},
                "There is none within two kilometres of {place}. Would you like a collection at your door instead?",
            ),
        ),
    ),
)


# --- how they are combined

SECOND_TURN_SHARE = 0.3
VAGUE_SHARE = 0.2
ANSWERED_SHARE = 0.7
TOOLS_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing that people write about: ways to ask, ways to answer, and what they ask next, with its answer."""

    asks: tuple[str, ...]
    answers: tuple[str, ...]
    nexts: tuple[tuple[str, str], ...]


def topics(*texts: str) -> tuple[Topic, ...]:
    """Return the topics of some texts; a line that begins with a space goes on with the one before."""
    return tuple(topic(block.replace("\n  ", " ")) for written in texts for block in written.strip().split("\n\n"))


def topic(block: str) -> Topic:
    """Return the topic of one block."""
    lines = [line.split(" ", 1) for line in block.splitlines()]

    def after(mark: str) -> tuple[str, ...]:
        return tuple(rest for found, rest in lines if found == mark)

    return Topic(after("?"), after("!"), tuple(zip(after(">"), after("<"), strict=True)))


def filled(value: object, slots: dict[str, str]) -> object:
    """Return a value with the slots of every text in it filled."""
    if isinstance(value, str):
        return value.format(**slots)
    if isinstance(value, dict):
        return {key: filled(inner, slots) for key, inner in value.items()}
    return [filled(inner, slots) for inner in value] if isinstance(value, list) else value


def text(value: str, slots: dict[str, str]) -> str:
    """Return a text with its slots filled."""
    return value.format(**slots)


def some_slots(random: Random) -> dict[str, str]:
    """Return one choice for every slot, so that a conversation keeps to its parcel."""
    slots = {name: random.choice(values.replace("\n", " ").split(", ")) for name, values in SLOTS.items()}
    noun = slots.pop("noun")
    slots |= {"item": f"the {noun}", "Item": f"The {noun}", "an_item": f"a {noun}"}
    slots["Shop"] = slots["shop"].capitalize()
    slots["number"] = f"LK{random.randrange(10**7, 10**8)}"
    slots["claim"] = str(random.randrange(10000, 99999))
    return slots


def asked(random: Random, ask: str) -> Message:
    """Return the user's first message, with or without courtesies."""
    return {"role": "user", "content": f"{random.choice(GREETINGS)}{ask}{random.choice(THANKS)}"}


def conversations(random: Random, system: str, about: Iterable[Topic]) -> Iterator[Row]:
    """Yield conversations without end, some with a second turn that alone is learned."""
    for chosen in cycle(about):
        slots = some_slots(random)
        answer = text(random.choice(chosen.answers), slots)
        messages: list[Message] = [
            {"role": "system", "content": system},
            asked(random, text(random.choice(chosen.asks), slots)),
        ]
        if random.random() < SECOND_TURN_SHARE:
            follow_up, reply = random.choice(chosen.nexts)
            messages.append({"role": "assistant", "content": answer, "weight": 0})
            messages.append({"role": "user", "content": follow_up})
            messages.append({"role": "assistant", "content": reply, "weight": 1})
        else:
            messages.append({"role": "assistant", "content": answer + random.choice(OFFERS)})
        yield {"messages": messages}


def tool_conversations(random: Random) -> Iterator[Row]:
    """Yield conversations without end in which a tool is called, its result is told, or a number is asked for."""
    for task in cycle(TASKS):
        slots = some_slots(random)
        system: Message = {"role": "system", "content": TOOLS_SYSTEM}
        if task.vague and random.random() < VAGUE_SHARE:
            question = "Please send me the tracking number; it begins with LK and stands in your message."
            ask = asked(random, text(random.choice(task.vague), slots))
            yield {"messages": [system, ask, {"role": "assistant", "content": question}], "tools": TOOLS}
            continue
        messages = [system, asked(random, text(random.choice(task.asks), slots)), called(task, slots)]
        if random.random() < ANSWERED_SHARE:
            result, told = random.choice(task.results)
            reply = json.dumps(filled(result, slots))
            messages.append({"role": "tool", "tool_call_id": f"call_{slots['claim']}", "content": reply})
            messages.append({"role": "assistant", "content": text(told, slots)})
        yield {"messages": messages, "tools": TOOLS}


def called(task: Task, slots: dict[str, str]) -> Message:
    """Return the assistant's message that calls the task's tool."""
    function = {"name": task.tool, "arguments": json.dumps(filled(task.arguments, slots))}
    return {
        "role": "assistant",
        "tool_calls": [{"id": f"call_{slots['claim']}", "type": "function", "function": function}],
    }


def mixed(random: Random, first: Iterator[Row], second: Iterator[Row], share: float) -> Iterator[Row]:
    """Yield rows of the first source, and of the second with the given share."""
    while True:
        yield next(second if random.random() < share else first)


class Project:
    """The data folder of one example; no question is asked twice in it, so validation is never trained on."""

    def __init__(self, name: str) -> None:
        """Name the example."""
        self._folder = SPECS / name / "data"
        self._asked: set[object] = set()

    def write(self, name: str, rows: Iterator[Row], count: int) -> None:
        """Write the first rows whose question is new."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(row, ensure_ascii=False) for row in islice(filter(self._is_new, rows), count))
        (self._folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")

    def _is_new(self, row: Row) -> bool:
        asked = row.get("input", row)
        messages = asked["messages"] if isinstance(asked, dict) else None
        question = messages[1]["content"] if isinstance(messages, list) else None
        new = question not in self._asked
        self._asked.add(question)
        return new


def main() -> None:
    """Write every example dataset."""
    quickstart = Project("quickstart")
    quickstart.write("parcels-train.jsonl", conversations(Random(1), QUICKSTART_SYSTEM, topics(DELIVERY)), 120)
    quickstart.write("parcels-valid.jsonl", conversations(Random(2), QUICKSTART_SYSTEM, topics(DELIVERY)), 60)
    chain = Project("chain")
    base = topics(DELIVERY, ACCOUNT)
    chain.write("support-base.jsonl", conversations(Random(3), CHAIN_SYSTEM, base), 300)
    chain.write("support-tools.jsonl", tool_conversations(Random(4)), 150)
    chain.write("support-2026-10.jsonl", conversations(Random(5), CHAIN_SYSTEM, topics(OCTOBER)), 80)
    chain.write("support-2026-11.jsonl", conversations(Random(6), CHAIN_SYSTEM, topics(NOVEMBER)), 80)
    random = Random(7)
    general = conversations(random, CHAIN_SYSTEM, (*base, *topics(OCTOBER)))
    chain.write("support-holdout.jsonl", mixed(random, general, tool_conversations(random), TOOLS_SHARE), 60)


if __name__ == "__main__":
    main()
