"""Retry and paging, driven by hand: what is sent again, after which pause, and what is never sent twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.call import Call, Plane
from ftops.errors import ConnectionLost, ServiceProblem, Unreachable, WireError
from ftops.wire.flows import RETRYABLE_READS, Answer, Budget, Flow, Limits, Pause, Send, listing, once

T = TypeVar("T")
READ = Call(Plane.DATA, "GET", "/files", {"purpose": "fine-tune"})
WRITES = [Call(Plane.DATA, method, "/fine_tuning/jobs", body={}) for method in ("POST", "PUT", "PATCH", "DELETE")]
ARM = Call(Plane.ARM, "GET", "/deployments")
LIMITS = Limits(tries=5, pause_first_s=1.0, pause_max_s=60.0, pages=4)
LOST = ConnectionLost("reset")


def most() -> float:
    """Return the greatest jitter."""
    return 1.0


def drive(flow: Flow[T], answers: Iterable[Answer | WireError]) -> tuple[T, list[Call], list[float]]:
    """Return a flow's result, the calls it sent and the pauses it took, fed with these answers in order."""
    sent: list[Call] = []
    pauses: list[float] = []
    rest = iter(answers)
    try:
        step = next(flow)
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = flow.send(None)
                continue
            assert isinstance(step, Send)
            sent.append(step.call)
            answer = next(rest)
            step = flow.throw(answer) if isinstance(answer, WireError) else flow.send(answer)
    except StopIteration as done:
        return done.value, sent, pauses


def failing(call: Call, answers: Iterable[Answer | WireError]) -> tuple[WireError, int, list[float]]:
    """Return how a call fails, how many answers it used up, and its pauses."""
    used: list[object] = []
    pauses: list[float] = []

    def counted() -> Iterable[Answer | WireError]:
        for answer in answers:
            used.append(answer)
            yield answer

    def watched(flow: Flow[Answer]) -> Flow[Answer]:
        step = next(flow)
        try:
            while True:
                if isinstance(step, Pause):
                    pauses.append(step.seconds)
                try:
                    told = yield step
                except ConnectionLost as lost:
                    step = flow.throw(lost)
                else:
                    step = flow.send(told)
        except StopIteration as done:
            result: Answer = done.value
            return result

    with pytest.raises(WireError) as caught:
        drive(watched(once(call, most, LIMITS)), counted())
    return caught.value, len(used), pauses


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize("call", [READ, *WRITES], ids=lambda c: str(c.method))
def test_success_is_returned_at_once(call: Call, status: int) -> None:
    """An answer from 200 to 299 is the result, without a pause."""
    answer, sent, pauses = drive(once(call, most, LIMITS), [Answer(status)])
    assert (answer.status, sent, pauses) == (status, [call], [])


@pytest.mark.parametrize("status", sorted(RETRYABLE_READS))
def test_a_read_is_repeated(status: int) -> None:
    """A read is sent again after each status that passes, with growing pauses."""
    answer, sent, pauses = drive(once(READ, most, LIMITS), [Answer(status)] * 4 + [Answer(200)])
    assert answer.status == 200
    assert sent == [READ] * 5
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_a_read_is_repeated_after_a_lost_answer() -> None:
    """A read whose answer is lost is sent again."""
    _, sent, pauses = drive(once(READ, most, LIMITS), [LOST, LOST, Answer(200)])
    assert (len(sent), pauses) == (3, [1.0, 2.0])


@pytest.mark.parametrize("answer", [Answer(503), Answer(429), LOST], ids=["503", "429", "lost"])
def test_tries_are_bounded(answer: Answer | ConnectionLost) -> None:
    """After five tries the last problem is raised; there is no pause after it."""
    problem, used, pauses = failing(READ, [answer] * 9)
    assert (used, len(pauses)) == (5, 4)
    assert isinstance(problem, ConnectionLost if answer is LOST else ServiceProblem)


@pytest.mark.parametrize("status", [300, 400, 401, 403, 404, 409, 412, 422, 501])
@pytest.mark.parametrize("call", [READ, *WRITES], ids=lambda c: str(c.method))
def test_a_refusal_is_not_repeated(call: Call, status: int) -> None:
    """What another try would not change is raised at once."""
    problem, used, pauses = failing(call, [Answer(status)] * 9)
    assert isinstance(problem, ServiceProblem)
    assert (problem.status, used, pauses) == (status, 1, [])


@pytest.mark.parametrize("call", WRITES, ids=lambda c: str(c.method))
def test_a_write_is_never_sent_again_after_a_lost_answer(call: Call) -> None:
    """A write whose answer is lost may have been done: it is told, not repeated."""
    problem, used, pauses = failing(call, [LOST, Answer(201)])
    assert isinstance(problem, ConnectionLost)
    assert (used, pauses) == (1, [])


@pytest.mark.parametrize("call", WRITES, ids=lambda c: str(c.method))
@pytest.mark.parametrize("status", sorted(RETRYABLE_READS - {429}))
def test_a_write_is_never_sent_again_after_a_server_error(call: Call, status: int) -> None:
    """A server error says nothing about whether a write was done."""
    _, used, _ = failing(call, [Answer(status), Answer(201)])
    assert used == 1


@pytest.mark.parametrize("call", WRITES, ids=lambda c: str(c.method))
def test_a_throttled_write_is_sent_again_within_bounds(call: Call) -> None:
    """429 refuses before anything is done, so a write is sent again, a limited number of times."""
    _, sent, pauses = drive(once(call, most, LIMITS), [Answer(429, {"retry-after": "3"}), Answer(201)])
    assert (len(sent), pauses) == (2, [3.0])
    _, used, _ = failing(call, [Answer(429)] * 9)
    assert used == 5


def test_a_write_lost_after_being_throttled_is_not_sent_again() -> None:
    """The second sending of a throttled write is as uncertain as a first one."""
    problem, used, _ = failing(WRITES[0], [Answer(429), LOST, Answer(201)])
    assert isinstance(problem, ConnectionLost)
    assert used == 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"x-ms-retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "soon"}, 1.0),
        ({"retry-after": ""}, 1.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "86400"}, 60.0),
        ({"retry-after": "inf"}, 60.0),
        ({"retry-after": "nan"}, 0.0),
        ({}, 1.0),
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_asked_pause_is_kept_within_bounds(headers: dict[str, str], seconds: float, status: int) -> None:
    """Every spelling of Retry-After is honoured, none makes a pause longer than the bound."""
    _, _, pauses = drive(once(READ, most, LIMITS), [Answer(status, headers), Answer(200)])
    assert pauses == [seconds]


def test_a_retry_after_as_a_date_is_honoured() -> None:
    """HTTP's other spelling of Retry-After is a date, counted from the answer's own Date."""
    headers = {"date": "Mon, 23 Nov 2026 12:00:00 GMT", "retry-after": "Mon, 23 Nov 2026 12:00:30 GMT"}
    _, _, pauses = drive(once(READ, most, LIMITS), [Answer(429, headers), Answer(200)])
    assert pauses == [30.0]


@given(st.floats(0, 1), st.integers(1, 8))
def test_jitter_stays_between_half_and_whole(jitter: float, tries: int) -> None:
    """A pause of our own is half to all of its doubling, and never above the bound."""
    limits = Limits(tries=tries + 1, pause_max_s=10.0)
    _, _, pauses = drive(once(READ, lambda: jitter, limits), [Answer(500)] * tries + [Answer(200)])
    for number, pause in enumerate(pauses):
        assert min(2**number / 2, 10.0) <= pause <= min(2**number, 10.0)


# --- listings


def page(ids: Iterable[str], **more: object) -> Answer:
    """Return a page of the data plane."""
    return Answer(200, body={"data": [{"id": each} for each in ids], **more})


def arm_page(ids: Iterable[str], link: object = None) -> Answer:
    """Return a page of ARM."""
    return Answer(200, body={"value": [{"id": each} for each in ids], "nextLink": link})


def ids_of(items: Iterable[object]) -> list[str]:
    """Return the ids of listed items."""
    return [str(item["id"]) for item in items if isinstance(item, dict)]


def test_the_data_plane_pages_by_its_last_id() -> None:
    """While it says has_more, the next page is asked for after the last id, with the same query."""
    answers = [page("ab", has_more=True), page("c", has_more=True), page("d", has_more=False)]
    items, sent, _ = drive(listing(READ, most, LIMITS), answers)
    assert ids_of(items) == ["a", "b", "c", "d"]
    assert [call.query for call in sent] == [
        {"purpose": "fine-tune"},
        {"purpose": "fine-tune", "after": "b"},
        {"purpose": "fine-tune", "after": "c"},
    ]


def test_a_page_as_full_as_its_limit_may_have_a_successor() -> None:
    """Where has_more is missing, a full page is followed, and a page that is not full is the last."""
    call = Call(Plane.DATA, "GET", "/jobs", {"limit": "2"})
    items, sent, _ = drive(listing(call, most, LIMITS), [page("ab"), page("c")])
    assert (ids_of(items), len(sent)) == (["a", "b", "c"], 2)
    items, sent, _ = drive(listing(READ, most, LIMITS), [page("abc")])
    assert (ids_of(items), len(sent)) == (["a", "b", "c"], 1)


@pytest.mark.parametrize("body", [{"data": []}, {"data": [], "has_more": True}])
def test_a_page_without_items_is_the_last(body: dict[str, object]) -> None:
    """An empty page ends a listing, whatever it says of more."""
    items, sent, _ = drive(listing(READ, most, LIMITS), [Answer(200, body=body)])
    assert (items, len(sent)) == ([], 1)


@pytest.mark.parametrize("body", [{"data": None}, {}, {"data": "x"}, {"value": []}])
def test_an_answer_without_a_list_does_not_say_that_nothing_is_there(body: dict[str, object]) -> None:
    """Taken for an empty account it would have everything trained and deployed once more."""
    with pytest.raises(WireError, match="no list"):
        drive(listing(READ, most, LIMITS), [Answer(200, body=body)])


def test_what_is_shown_twice_is_there_once() -> None:
    """A job that two pages show, or one, must not be taken for its own twin and cancelled."""
    items, _, _ = drive(listing(READ, most, LIMITS), [page("aab", has_more=True), page("bc", has_more=False)])
    assert ids_of(items) == ["a", "b", "c"]


def test_arm_pages_by_the_query_of_its_link() -> None:
    """Only the query of nextLink is used, so that no body decides which host or path is asked."""
    link = "https://evil.example.com/elsewhere?api-version=2020-01-01&%24skiptoken=a%2Bb%3D"
    items, sent, _ = drive(listing(ARM, most, LIMITS), [arm_page("ab", link), arm_page("c")])
    assert ids_of(items) == ["a", "b", "c"]
    assert sent[1] == Call(Plane.ARM, "GET", "/deployments", {"api-version": "2020-01-01", "$skiptoken": "a+b="})


@pytest.mark.parametrize("link", [None, "", 7, {}])
def test_arm_ends_without_a_link(link: object) -> None:
    """Anything but a text is no link."""
    items, _, _ = drive(listing(ARM, most, LIMITS), [arm_page("a", link)])
    assert ids_of(items) == ["a"]


@pytest.mark.parametrize(
    "answer", [page("a", has_more=True), page(["", ""], has_more=True)], ids=["same page", "no ids"]
)
def test_pages_are_bounded_on_the_data_plane(answer: Answer) -> None:
    """A listing that never ends is a problem, not a loop."""
    with pytest.raises(WireError, match="more than 4 pages"):
        drive(listing(READ, most, LIMITS), [answer] * 9)


def test_pages_are_bounded_on_arm() -> None:
    """A link that leads to itself is a problem, not a loop."""
    with pytest.raises(WireError, match="more than 4 pages"):
        drive(listing(ARM, most, LIMITS), [arm_page("a", "https://x/y?p=1")] * 9)


def test_an_empty_page_where_more_was_promised_is_no_end() -> None:
    """What follows was not seen, so nobody can tell what is there; where nothing was promised, it is the end."""
    with pytest.raises(WireError, match="said that more follows and then showed nothing"):
        drive(listing(READ, most, LIMITS), [page("a", has_more=True), page("")])
    items, sent, _ = drive(listing(replace(READ, query={"limit": "1"}), most, LIMITS), [page("a"), page("")])
    assert (ids_of(items), len(sent)) == (["a"], 2)


def test_each_page_is_retried_by_itself() -> None:
    """A page in the middle that fails for a moment does not begin the listing anew."""
    answers: list[Answer | ConnectionLost] = [page("a", has_more=True), Answer(503), LOST, page("b", has_more=False)]
    items, sent, _ = drive(listing(READ, most, LIMITS), answers)
    assert ids_of(items) == ["a", "b"]
    assert [call.query.get("after") for call in sent] == [None, "a", "a", "a"]


def test_rows_that_are_no_objects_are_left_out() -> None:
    """What is no JSON object cannot be an item."""
    items, _, _ = drive(listing(READ, most, LIMITS), [Answer(200, body={"data": [1, None, {"id": "a"}]})])
    assert ids_of(items) == ["a"]


@pytest.mark.parametrize("body", [None, [], "text", 3])
def test_an_answer_that_is_no_object_cannot_be_used(body: object) -> None:
    """A page of a proxy with status 200 is a problem of the wire."""
    with pytest.raises(WireError, match="no JSON object"):
        drive(listing(READ, most, LIMITS), [Answer(200, body=body)])


# --- what was never sent, and the run's budget


@pytest.mark.parametrize("call", [READ, *WRITES], ids=lambda c: str(c.method))
def test_what_was_never_sent_is_sent_again(call: Call) -> None:
    """Where no connection came about, nothing was done: a write is tried again like a read, three times in all."""
    nobody = Unreachable("nobody is there")
    answer, sent, pauses = drive(once(call, most, LIMITS), [nobody, nobody, Answer(200)])
    assert (answer.status, len(sent), pauses) == (200, 3, [1.0, 2.0])
    problem, used, pauses = failing(call, [nobody] * 9)
    assert (problem, used, len(pauses)) == (nobody, 3, 2)


def test_the_budget_bounds_what_a_run_repeats() -> None:
    """Each repeated call costs one of the run's budget; without any left, a problem is told at once."""
    budget = Budget(left=3, refund=0)
    drive(once(READ, most, LIMITS, budget), [Answer(503), LOST, Answer(429), Answer(200)])
    for answer in (Answer(503), LOST):
        flow = once(READ, most, LIMITS, budget)
        with pytest.raises(WireError):
            drive(flow, [answer])


def test_successes_give_the_budget_back() -> None:
    """A long run that mostly succeeds is not ended by what it repeated long ago; more than at first there never is."""
    budget = Budget(left=0.5, most=2, refund=0.25)
    for _ in range(2):
        drive(once(READ, most, LIMITS, budget), [Answer(200)])
    drive(once(READ, most, LIMITS, budget), [Answer(503), Answer(200)])
    for _ in range(50):
        budget.give_back()
    assert budget.left == 2


SPARING = Call(
    Plane.DATA, "POST", "/fine_tuning/jobs", body={"model": "m", "metadata": {}}, spare=frozenset({"metadata"})
)
BARE = Call(Plane.DATA, "POST", "/fine_tuning/jobs", body={"model": "m"})


def refusal(status: int, message: str, request: str = "") -> Answer:
    """Return a refusal in the service's words."""
    headers = {"apim-request-id": request} if request else {}
    return Answer(status, headers, {"error": {"code": "invalidPayload", "message": message}})


def test_what_can_be_spared_is_left_out_after_a_400_and_never_else() -> None:
    """The one refusal that may be about a member is met by leaving it out, once; nothing else is."""
    answer, sent, pauses = drive(once(SPARING, most, LIMITS), [refusal(400, "No metadata."), Answer(201)])
    assert (answer.status, sent, pauses) == (201, [SPARING, BARE], [])
    answer, sent, _ = drive(once(SPARING, most, LIMITS), [Answer(201)])
    assert sent == [SPARING]
    for status in (401, 403, 404, 409, 422, 500, 503):
        problem, used, _ = failing(SPARING, [Answer(status), Answer(201)])
        assert (getattr(problem, "status", 0), used) == (status, 1)


@pytest.mark.parametrize(
    "refused",
    [
        Answer(400, {}, None, "<html>Bad gateway</html>"),
        Answer(400, {}, {"message": "no"}),
        Answer(400, {}, {"error": {"code": "400", "message": "no"}}),
        refusal(400, "The suffix must be at most 18 characters long."),
    ],
    ids=["html", "no envelope", "a gateway's", "known to be about something else"],
)
def test_a_400_that_is_about_something_else_is_told_at_once(refused: Answer) -> None:
    """What stands between may have passed the request on, and what is known not to be about the spared is not tried."""
    problem, used, _ = failing(SPARING, [refused, Answer(201)])
    assert (getattr(problem, "status", 0), used) == (400, 1)


def test_the_same_refusal_twice_is_told_as_it_came_first() -> None:
    """Refused in the same words, what was spared was not the cause: the first answer counts, and nothing is sent on."""
    answers = [refusal(400, "Bad.", "first"), refusal(400, "Bad.", "second"), Answer(201)]
    problem, used, _ = failing(SPARING, answers)
    assert isinstance(problem, ServiceProblem)
    assert (problem.message, problem.request_id, used) == ("Bad.", "first", 2)


@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_another_refusal_of_the_second_is_told(status: int) -> None:
    """What is left to mend is told; a fault or conflict must be, since it leaves open what was done."""
    problem, used, _ = failing(SPARING, [refusal(400, "No metadata."), refusal(status, "Bad suffix."), Answer(201)])
    assert isinstance(problem, ServiceProblem)
    assert (problem.status, problem.message, used) == (status, "Bad suffix.", 2)


def test_the_second_is_lost_or_throttled_like_any_write() -> None:
    """A lost answer to it is not followed by a third; a 429 is, within bounds."""
    problem, used, _ = failing(SPARING, [refusal(400, "No."), LOST, Answer(201)])
    assert (type(problem), used) == (ConnectionLost, 2)
    _, sent, pauses = drive(once(SPARING, most, LIMITS), [Answer(429), refusal(400, "No."), Answer(429), Answer(201)])
    assert (sent, len(pauses)) == ([SPARING, SPARING, BARE, BARE], 2)


def test_the_subscriptions_listings_are_paged_as_arms() -> None:
    """Activity log and usages have `value` and `nextLink`, of which only the query is used."""
    call = Call(Plane.SUBSCRIPTION, "GET", "/providers/Microsoft.Insights/eventtypes/management/values", {"a": "1"})
    first = Answer(200, body={"value": [{"n": 1}], "nextLink": "https://evil.example/x?$skiptoken=t"})
    items, sent, _ = drive(listing(call, most, LIMITS), [first, Answer(200, body={"value": [{"n": 2}]})])
    assert items == [{"n": 1}, {"n": 2}]
    assert [each.query for each in sent] == [{"a": "1"}, {"a": "1", "$skiptoken": "t"}]
    assert {each.path for each in sent} == {call.path}
