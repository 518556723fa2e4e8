"""Writes the datasets of the dpo example: chat rows to train on first, then pairs of answers, one of them preferred.

Both answers of a pair would pass for help. The preferred one is short, says what happens next and promises nothing
that is not known; the other one promises, blames, hides behind rules, or talks on. Combined by a seeded generator, so
running this again gives the same bytes:

    python examples/make_preferences.py

Larkway, its customers and its parcels do not exist. Only the standard library is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random

from make_data import ACCOUNT, CHAIN_SYSTEM, DELIVERY, Project, Row, asked, conversations, some_slots, text, topics

# One block for each thing that people write about. `?` are ways to ask, `+` answers to prefer, `-` answers to avoid.

PAIRS = """
? My parcel with {item} should have come on {day}. Where is it?
? I waited at home all {day} and nobody came with {item}.
? The delivery of {item} from {shop} is late. What is going on?
+ I am sorry for the wait. Send me the tracking number; I read the last scan and tell you the day that the depot plans.
+ That is annoying, I understand. With the tracking number I can see where it was scanned last and what is planned next.
- Do not worry! It will certainly be with you tomorrow before noon.
- Delays are normal at this time of the year. Please be patient, there is nothing that anybody can do about it.

? Tracking says delivered on {day}, but I do not have {item}.
? The parcel from {shop} is marked as delivered and there is nothing at my door.
? It says that {item} was handed over at {place}. It was not me.
+ Please look with your neighbours first. If it is not there, send me the tracking number: I ask the courier today, and
  you hear from us within two working days.
+ I will check the delivery note, which has the place and time of the handover. Please send me the tracking number.
- Our couriers do not make such mistakes. Somebody in your house must have taken it.
- If the system says delivered, then it was delivered, and the case is closed for us.

? The box with {item} arrived crushed. What now?
? I opened the parcel from {shop} and {item} is broken.
? There is a hole in the carton, and {item} got wet.
+ I am sorry about that. Keep the box, take photos of it and of the contents, and start a claim within seven days. Most
  are decided within ten working days.
+ Please do not throw anything away. Photograph box and contents, then start a claim with the tracking number on the
  claims page.
- We will of course refund everything today, including the shipping and something extra for the trouble.
- That sounds like bad packing by {shop}. You have to sort this out with them; it is not our concern.

? Can {item} go to {place} instead? I have moved.
? Please change the address of my parcel from {shop} to {place}.
? I wrote the wrong address when I ordered {item}.
+ Yes, until it is loaded for delivery. Open the tracking page, choose Change delivery and enter the new address; you
  get a confirmation at once.
+ You can change it once on the tracking page, under Change delivery. If it is in the van already, redirect it tonight.
- Done, I changed it for you.
- An address can be changed under certain conditions that depend on the state of the shipment, the product that was
  booked, the agreement with the sender and the region, all of which are explained in our terms, section four, and in
  the annex for private customers, which I recommend that you read.

? I missed the courier on {day}. How do I get {item} now?
? There is a card in my letterbox, but I cannot read where {item} is.
? Nobody was in on {day}. Will you come again with my parcel from {shop}?
+ We try once more on the next working day. If you prefer, collect it from the shop that the tracking page names; it is
  kept for seven days.
+ The tracking page shows where it waits. Have it brought again on a day you choose, or collect it with your ID.
- You should have been at home. The time was announced.
- Simply wait. Somebody will come by at some point.

? The locker at {place} does not take my code.
? I stand at the locker at {place} and no door opens.
? My code for the locker at {place} has expired, and {item} is inside.
+ Tap Forgotten code on the screen and enter your phone number; a new code comes within a minute.
+ Codes are valid for three days. Ask for a new one on the tracking page, and keep your hand on the door when it clicks.
- That cannot be. The lockers have been tested and always work.
- Try to pull the door harder, that usually helps.

? I want to send {item} back to {shop}. Where do I get a label?
? How does a return work? {Item} is not what I ordered.
? When do I get my money back for {item}? I returned it on {day}.
+ The shop makes the label and decides on the refund, usually within fourteen days. Keep your receipt: it proves the day
  you handed it in.
+ Ask {shop} for a return label or code, then hand the parcel in at any drop-off point. The refund comes from the shop.
- You have the money back in two days at the latest, I promise.
- Returns are a matter between you and {shop}; we only carry boxes.

? How much does it cost to send a parcel of {weight} kilos to {country}?
? I want to send {item} to {country}. What must I pay?
? Is {weight} kilos too heavy for {country}?
+ The price depends on weight, size and country; the booking page shows it before you pay. Outside the customs union a
  form comes with it.
+ Up to thirty kilos can be booked online. Enter the measures and {country} on the booking page and you see the price.
- That is about twenty, maybe thirty, in any case not more than fifty.
- International shipping is complicated; better ask somebody who does this every day.

? Can you tell me whether {item} comes before {hour} on {day}?
? I must leave at {hour} on {day}. Will the parcel from {shop} be there?
? At what time does the courier come to {place} on {day}?
+ On the morning of the delivery the tracking page shows a window of two hours; I cannot see an earlier one. You can
  choose another day or a locker there.
+ A time is known only when the van is loaded. If you have to leave, pick a locker or a neighbour under Change delivery.
- Yes, it will be there before {hour}. You can rely on it.
- The courier comes when the courier comes.

? Your hotline kept me waiting for half an hour about {item}. This is not acceptable.
? I have written three times about my parcel from {shop} and nobody answers.
? You are the worst parcel service. {Item} was promised for {day}!
+ I am sorry that you had to ask again. Send me the tracking number and I stay with it: today I ask the depot, and
  tomorrow you have an answer, whatever it is.
+ You are right to complain. Please give me the tracking number, and I tell you what I can see and what happens next.
- Please watch your tone. We can only help customers who remain polite.
- Your feedback is very important to us! We are constantly improving our processes and would be delighted to welcome
  you again soon as a satisfied customer of the Larkway family.

? The sender says that {item} is with you, but the tracking shows nothing.
? My number is not found. {Shop} says that the parcel left on {day}.
? Since {day} the tracking says "announced". What does it mean?
+ Announced means that we have the data but not the parcel yet. Ask the sender for the day of the handover; from the
  first scan on you see where it is.
+ A number works from our first scan on. If it shows nothing two days after the handover, send it to me and I look for
  it.
- Then {shop} has lied to you. They have certainly not sent anything.
- Refresh the page.

? I think that {item} is lost. It has not moved since {day}.
? Nobody knows where my parcel from {shop} is. What happens now?
? How long do I have to wait until {item} counts as lost?
+ After seven days without a scan we call it lost, open a claim and tell the sender, who replaces it or refunds you.
  With the tracking number I can start the search now.
+ Send me the tracking number: I open a search at the depot, and after seven days without a scan it becomes a claim.
- It is surely not lost, things always turn up again in the end.
- I have noted that and will refund you the full price of {item} right away.
"""

TRAINED, HELD_OUT = 90, 20


@dataclass(frozen=True, slots=True)
class Dilemma:
    """One thing that people write about, with answers to prefer and answers to avoid."""

    asks: tuple[str, ...]
    better: tuple[str, ...]
    worse: tuple[str, ...]


def dilemmas(written: str) -> tuple[Dilemma, ...]:
    """Return the dilemmas of a text; a line that begins with a space goes on with the one before."""
    return tuple(dilemma(block.replace("\n  ", " ")) for block in written.strip().split("\n\n"))


def dilemma(block: str) -> Dilemma:
    """Return the dilemma of one block."""
    lines = [line.split(" ", 1) for line in block.splitlines()]
    asks, better, worse = (tuple(rest for found, rest in lines if found == mark) for mark in "?+-")
    return Dilemma(asks, better, worse)


def preferences(random: Random) -> Iterator[Row]:
    """Yield pairs of answers without end."""
    for chosen in cycle(dilemmas(PAIRS)):
        slots = some_slots(random)
        question = asked(random, text(random.choice(chosen.asks), slots))
        better, worse = (text(random.choice(answers), slots) for answers in (chosen.better, chosen.worse))
        yield {
            "input": {"messages": [{"role": "system", "content": CHAIN_SYSTEM}, question]},
            "preferred_output": [{"role": "assistant", "content": better}],
            "non_preferred_output": [{"role": "assistant", "content": worse}],
        }


def main() -> None:
    """Write every dataset of the example."""
    project, random = Project("dpo"), Random(9)
    project.write("desk-sft.jsonl", conversations(Random(8), CHAIN_SYSTEM, topics(DELIVERY, ACCOUNT)), 120)
    pairs = preferences(random)
    project.write("desk-dpo.jsonl", pairs, TRAINED)
    project.write("desk-dpo-holdout.jsonl", pairs, HELD_OUT)


if __name__ == "__main__":
    main()
