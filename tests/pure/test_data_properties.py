"""Properties of the dataset checks: valid rows pass, and a row that is broken in one way is told of in just that way.

The table below has, for every code that is about a row, ways to break a valid row. What a rule must say in words and at
which column is the matter of the case files (`test_jsonl.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftops.catalogue import CATALOGUE, OF_JOBS
from ftops.data import DataReport, Reading, check_rows
from ftops.data.decode import NESTING_MAX
from ftops.data.images import Picture, picture_of
from ftops.diagnostics import Severity
from ftops.rules import load_rules

from .data_rows import (
    FIELDS,
    PICTURES,
    PROMPT,
    ROWS,
    SIDES,
    WAYS,
    Json,
    asked_in,
    copied,
    data_url,
    format_of_kind,
    image,
    jpeg,
    numbered,
    png,
    said,
    webp,
    written,
)

LIMITS = load_rules().limits
SMALL = replace(
    LIMITS,
    rows=replace(LIMITS.rows, messages_max=12, message_characters_max=2000, tools_max=4),
    images=replace(LIMITS.images, per_row_max=6, per_call_max=4, size_bytes_max=4000, rows_max=14),
    reading=replace(LIMITS.reading, line_bytes_max=200_000),
)
"""Limits that a row of a few kilobytes can break."""

FILE_ROWS = 12
NOT_ABOUT_ROWS = {
    *("unreadable-file", "git-lfs-pointer", "no-bom", "too-few-rows", "large-upload", "file-too-large"),
    *("constant-field", "too-many-image-rows"),  # counted over a file, tested below
    *("image-model", "image-region", "shared-row", "validation-missing"),  # between a job and its data
}
"""Codes besides those of jobs that no single row can break."""

quickly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the examples of a test put their data file, one after the other."""
    return tmp_path_factory.mktemp("properties") / "rows.jsonl"


def check(file: Path, lines: Iterable[bytes], row_format: str, *, strict: bool = False) -> DataReport:
    """Return the report of a file of these lines."""
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return check_rows(file, "rows.jsonl", SMALL, Reading(row_format, fields=FIELDS, strict=strict)).report


def told(report: DataReport, *wanted: str) -> set[tuple[int, str]]:
    """Return the lines and codes of what was found that is more than information, or is wanted."""
    return {
        (problem.span.line, problem.code)
        for problem in report.problems
        if problem.severity is not Severity.INFO or problem.code in wanted
    }


# --- valid rows


@pytest.mark.parametrize("kind", ROWS)
@given(data=st.data())
@settings(quickly, max_examples=20)
def test_valid_rows_pass(file: Path, kind: str, data: st.DataObject) -> None:
    """A file of valid, different rows has no finding above info, whatever it is written like."""
    drawn = data.draw(st.lists(ROWS[kind], min_size=1, max_size=3))
    way, begin = data.draw(st.integers(0, len(WAYS) - 1)), data.draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    end, last = data.draw(st.sampled_from([b"\n", b"\r\n", b" \n"])), data.draw(st.booleans())
    lines = [written(numbered(drawn[n % len(drawn)], n), way) for n in range(FILE_ROWS)]
    file.write_bytes(begin + end.join(lines) + (end if last else b""))
    for strict in (False, True):
        reading = Reading(format_of_kind(kind), fields=FIELDS, strict=strict)
        report = check_rows(file, "rows.jsonl", SMALL, reading).report
        assert told(report) == set() and report.rows == FILE_ROWS and report.tokens > 0
        assert report.image_rows == (FILE_ROWS if kind == "vision" else 0)


@given(width=SIDES, height=SIDES)
def test_sizes_of_pictures(width: int, height: int) -> None:
    """The size and colour of a picture are read from the header of each form."""
    for data in (png(width, height), png(width, height, 6), png(width, height, 0), png(width, height, 3)):
        assert picture_of(data) == Picture("png", width, height, data[25] in {2, 6})
    for components in (1, 3, 4):
        assert picture_of(jpeg(width, height, components)) == Picture("jpeg", width, height, components == 3)
    for kind in (b"VP8 ", b"VP8L", b"VP8X"):
        assert picture_of(webp(width, height, kind)) == Picture("webp", width, height)


@given(picture=PICTURES, length=st.integers(0, 80))
def test_cut_pictures(picture: tuple[str, bytes], length: int) -> None:
    """A picture cut anywhere is one of its form, or none that is known."""
    found = picture_of(picture[1][:length])
    assert found is None or found.form == picture[0]


# --- ways to break a row

PNG = data_url("png", png(3, 3))

Way = Callable[[Json], bytes | None]
"""Breaks a valid row in place, or returns the line that stands in its stead."""


class Break(NamedTuple):
    """A code, the kind of rows it is tried with, and how one of them is broken.

    `follows` are codes that cannot but come too, `may` those that come too with some rows.
    """

    code: str
    kind: str
    way: Way
    follows: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    strict: bool = False


def answer_in(row: Json) -> Json:
    """Return the last message of the assistant in a valid chat or preference row."""
    messages = row["preferred_output"] if "preferred_output" in row else row["messages"]
    answer: Json = messages[-1]
    return answer


def prompts_in(row: Json) -> list[Json]:
    """Return the list that the message of the user stands in."""
    messages: list[Json] = row["input"]["messages"] if "input" in row else row["messages"]
    return messages


def setting(place: Callable[[Json], Any], key: str | int, value: object) -> Way:
    """Return a way that sets a member."""

    def way(row: Json) -> None:
        place(row)[key] = value

    return way


def without(place: Callable[[Json], Any], key: str | int) -> Way:
    """Return a way that takes a member out."""

    def way(row: Json) -> None:
        del place(row)[key]

    return way


def adding(place: Callable[[Json], list[Any]], *values: object, at: int = 1_000_000) -> Way:
    """Return a way that adds members to an array."""

    def way(row: Json) -> None:
        place(row)[at:at] = values

    return way


def only(place: Callable[[Json], list[Json]], role: str) -> Way:
    """Return a way that takes the messages of a role out."""

    def way(row: Json) -> None:
        place(row)[:] = [message for message in place(row) if message["role"] != role]

    return way


def line(data: bytes) -> Way:
    """Return a way that puts a line in the place of the row."""
    return lambda _: data


def value(made: object) -> Way:
    """Return a way that puts a value in the place of the row."""
    return lambda _: written(made)


def top(row: Json) -> Json:
    """Return the row itself."""
    return row


def first_call(row: Json) -> Json:
    """Return the first call of the tools that a row calls."""
    call: Json = next(message for message in row["messages"] if "tool_calls" in message)["tool_calls"][0]
    return call


def calling(row: Json) -> Json:
    """Return the message that calls tools."""
    return next(message for message in prompts_in(row) if "tool_calls" in message)


def reply(row: Json) -> Json:
    """Return the first reply of a tool."""
    return next(message for message in prompts_in(row) if message["role"] == "tool")


def no_weight_counts(row: Json) -> None:
    """Set all weights to 0."""
    for message in row["messages"]:
        if message["role"] == "assistant":
            message["weight"] = 0


def many_messages(row: Json) -> None:
    """Repeat the conversation until it is too long."""
    turns = [said("user", "More?"), said("assistant", "More.")]
    if "answer" in row or "input" in row:
        turns.reverse()
    prompts_in(row).extend(turns * SMALL.rows.messages_max)


def many_tools(row: Json) -> None:
    """Define too many tools, each with another name."""
    row["tools"] += [{"type": "function", "function": {"name": f"t-{n}"}} for n in range(SMALL.rows.tools_max)]


def another_prompt(row: Json) -> None:
    """Give the row a system prompt of its own."""
    row["messages"] = [said("system", "Another."), *(m for m in row["messages"] if m["content"] != PROMPT)]


def another_prompt_by_the_rules(row: Json) -> None:
    """Give the row a system prompt of its own, and something that the quick way does not take."""
    another_prompt(row)
    row["meta"] = 1


def calls_nothing(row: Json) -> None:
    """Take the calls out of a message that makes some and says nothing."""
    calling(row).update(tool_calls=[], content=None)


def called_with_nothing(row: Json) -> None:
    """Call a tool that is not defined."""
    first_call(row)["function"]["name"] = "9"


def pictures(count: int) -> Way:
    """Return a way that shows so many pictures."""
    return setting(asked_in, "content", [image(PNG)] * count)


def showing(part: object) -> Way:
    """Return a way that shows one picture."""
    return setting(asked_in, "content", [part])


def showing_url(url: object) -> Way:
    """Return a way that shows one picture by a URL of any kind."""
    return showing({"type": "image_url", "image_url": {"url": url}})


def of_message(
    code: str,
    *ways: Way,
    kinds: Sequence[str] = ("chat", "dpo", "rft"),
    follows: frozenset[str] = frozenset(),
    may: frozenset[str] = frozenset(),
    strict: bool = False,
) -> list[Break]:
    """Return the same ways for several kinds of rows."""
    return [Break(code, kind, way, follows, may, strict) for kind in kinds for way in ways]


def each_of(place: Callable[[Json], Any], key: str | int, *values: object) -> list[Way]:
    """Return a way to set a member for each value."""
    return [setting(place, key, value) for value in values]


ANSWERED = ("chat", "dpo")
ONE_TOOL = {"type": "function", "function": {"name": "find"}}
DANGLES = frozenset({"dangling-tool-call"})
UNEVEN = frozenset({"uneven-fields"})
DEEP = b"[" * (NESTING_MAX + 1) + b"]" * (NESTING_MAX + 1)

OF_LINES = [
    *of_message(
        "bad-json",
        lambda row: written(row)[:-1],
        lambda row: written(row) + b"}",
        lambda row: written(row) + b" " + written(row),
        lambda row: b'{"a": NaN, ' + written(row)[1:],
        lambda row: b'{"a": 1e999, ' + written(row)[1:],
        lambda row: b'{"a": ' + b"9" * 5000 + b", " + written(row)[1:],
        lambda row: b'{"a": "\\ud800", ' + written(row)[1:],
        lambda row: b'{"a": "\0", ' + written(row)[1:],
        lambda row: b'{"a": ' + DEEP + b", " + written(row)[1:],
        lambda row: b"\xef\xbb\xbf" + written(row),
    ),
    *of_message("not-utf8", lambda row: written(row, 1)[:-1] + b', "a": "\xff"}', line(b"\xff")),
    *of_message("not-an-object", value([]), value(7), value("x"), value(None), value([{"messages": []}])),
    *of_message("line-too-long", lambda row: written(row) + b" " * SMALL.reading.line_bytes_max),
    *of_message("blank-line", line(b""), line(b" \t\r")),
    *of_message("repeated-key", lambda row: b'{"messages": 1, ' + written(row)[1:], kinds=("chat", "rft"), strict=True),
    *of_message("repeated-key", lambda row: b'{"input": 1, ' + written(row)[1:], kinds=("dpo",), strict=True),
    Break(
        "wrong-format", "chat", lambda row: written({"input": row, "preferred_output": [], "non_preferred_output": []})
    ),
    Break("wrong-format", "chat", value({"prompt": "a", "completion": "b"})),
    Break("wrong-format", "chat", setting(top, "preferred_output", [])),
    Break("wrong-format", "dpo", lambda row: written(row["input"])),
    Break("wrong-format", "rft", value({"prompt": "a", "completion": "b"}), UNEVEN),
    Break("wrong-format", "rft", lambda row: written({"input": row, "preferred_output": []}), UNEVEN),
]

OF_CHAT = [
    Break("unknown-row-key", "chat", setting(top, "meta", 1)),
    Break("unknown-row-key", "chat", setting(top, "input", 1)),
    Break("unknown-row-key", "dpo", setting(top, "meta", 1)),
    Break("unknown-row-key", "dpo", setting(lambda row: row["input"], "functions", None)),
    *of_message("messages-missing", without(top, "messages"), setting(top, "messages", []), kinds=("chat", "rft")),
    *of_message(
        "messages-missing", setting(top, "messages", {}), setting(top, "messages", None), kinds=("chat", "rft")
    ),
    *of_message("message-shape", adding(prompts_in, "x", at=0), adding(prompts_in, None, []), may=frozenset()),
    Break("message-shape", "dpo", adding(lambda row: row["preferred_output"], 7)),
    *of_message("too-many-messages", many_messages, may=frozenset({"last-not-user"})),
    *of_message("unknown-role", *each_of(asked_in, "role", "bot", None, [], {}, 7, "User")),
    *of_message("unknown-role", without(asked_in, "role")),
    *of_message("no-user", only(prompts_in, "user"), kinds=("chat",), may=frozenset({"repeated-role"})),
    Break("no-user", "dpo", setting(asked_in, "role", "developer")),
    Break("no-assistant", "chat", only(prompts_in, "assistant"), may=frozenset({"repeated-role"})),
    Break("no-assistant", "tools", only(prompts_in, "assistant"), DANGLES),
    Break("no-assistant", "dpo", setting(top, "non_preferred_output", [said("tool", "7")]), DANGLES),
    Break("last-not-assistant", "chat", adding(prompts_in, said("user", "And?"))),
    Break("last-not-assistant", "chat", adding(prompts_in, said("system", "Stop."))),
    *of_message("content-missing", setting(asked_in, "content", None), without(asked_in, "content")),
    *of_message("content-missing", without(answer_in, "content"), kinds=ANSWERED),
    Break("content-missing", "tools", calls_nothing, DANGLES),
    *of_message("content-type", *each_of(asked_in, "content", 7, {}, [7], [{}], [[]])),
    *of_message("content-type", setting(asked_in, "content", [{"type": "texts", "text": "a"}])),
    *of_message("content-type", setting(asked_in, "content", [{"type": "text"}]), showing({"type": [], "text": "a"})),
    *of_message("empty-content", setting(asked_in, "content", ""), setting(asked_in, "content", [])),
    *of_message("empty-content", setting(answer_in, "content", ""), kinds=ANSWERED),
    *of_message("long-content", setting(asked_in, "content", "a" * (SMALL.rows.message_characters_max + 1))),
    *of_message("bad-weight", *each_of(answer_in, "weight", 2, -1, 0.5, "1", None), kinds=ANSWERED),
    *of_message("bad-weight", setting(answer_in, "weight", value=True), kinds=ANSWERED),
    *of_message("weight-not-assistant", setting(asked_in, "weight", 1)),
    Break("all-weights-zero", "chat", no_weight_counts),
    Break("all-weights-zero", "tools", no_weight_counts),
    *of_message("unknown-message-key", setting(asked_in, "contents", "a"), setting(asked_in, "x" * 60, None)),
    *of_message("unknown-message-key", setting(answer_in, "refusal", None), kinds=ANSWERED),
    Break("several-system-prompts", "chat", another_prompt),
    Break("several-system-prompts", "rft", another_prompt),
    Break("several-system-prompts", "chat", another_prompt_by_the_rules, frozenset({"unknown-row-key"})),
    Break("repeated-role", "chat", adding(prompts_in, said("assistant", "More."))),
    Break("repeated-role", "chat", adding(prompts_in, said("user", "a"), said("user", "b"), said("assistant", "c"))),
]

OF_TOOLS = [
    *of_message("tool-call-shape", setting(calling, "tool_calls", "x"), kinds=("tools",), follows=DANGLES),
    Break("tool-call-shape", "tools", lambda row: calling(row)["tool_calls"].__setitem__(0, "x"), DANGLES),
    Break("tool-call-shape", "tools", without(first_call, "function")),
    Break("tool-call-shape", "tools", setting(first_call, "function", [])),
    Break("tool-call-shape", "tools", setting(first_call, "type", "web")),
    Break("tool-call-shape", "tools", setting(lambda row: first_call(row)["function"], "name", "")),
    Break("tool-call-shape", "dpo", setting(answer_in, "tool_calls", {"id": "c"})),
    *of_message(
        "arguments-not-json",
        *each_of(lambda row: first_call(row)["function"], "arguments", {}, "{", "", None, 7, DEEP.decode()),
        without(lambda row: first_call(row)["function"], "arguments"),
        kinds=("tools",),
    ),
    Break("undefined-tool", "tools", called_with_nothing),
    Break("dangling-tool-call", "tools", setting(reply, "tool_call_id", "c9")),
    Break("dangling-tool-call", "tools", without(reply, "tool_call_id")),
    Break("dangling-tool-call", "tools", setting(reply, "tool_call_id", ["c0"])),
    Break("dangling-tool-call", "dpo", adding(lambda row: row["preferred_output"], said("tool", "7"), at=0)),
    Break("legacy-functions", "chat", setting(top, "functions", [])),
    Break("legacy-functions", "chat", setting(answer_in, "function_call", {"name": "find", "arguments": "{}"})),
    Break("legacy-functions", "tools", adding(prompts_in, said("function", "7"), said("assistant", "Seven."))),
    Break("legacy-functions", "dpo", adding(prompts_in, said("function", "7"), at=0)),
    Break("too-many-tools", "tools", many_tools),
    Break("duplicate-tool", "tools", lambda row: row["tools"].append(row["tools"][0])),
    Break(
        "duplicate-tool",
        "dpo",
        setting(lambda row: row["input"], "tools", [ONE_TOOL] * 2),
        may=frozenset({"undefined-tool"}),
    ),
    *of_message(
        "tools-shape", *(adding(lambda row: row["tools"], tool) for tool in (7, {}, {"type": "web"})), kinds=("tools",)
    ),
    *of_message("tools-shape", adding(lambda row: row["tools"], {"type": "function"}), kinds=("tools",)),
    *of_message("tools-shape", setting(top, "tools", {}), setting(top, "tools", "x"), kinds=("chat", "tools")),
]

NOT_SOUND = [
    "data:image/gif;base64," + data_url("gif", b"GIF89a").partition(",")[2],
    data_url("png", b"GIF89a"),
    data_url("png", b""),
    data_url("png", b"\0" * 99),
    data_url("png", png(3, 3, 0)),
    data_url("png", png(3, 3, 3)),
    data_url("jpeg", jpeg(3, 3, 1)),
    data_url("jpeg", jpeg(3, 3, 4)),
    *(PNG[:-1], PNG + "=", PNG + " ", PNG.replace("base64,", "base64,*"), PNG + "é"),
]

NO_IMAGES: list[Json] = [{}, {"image_url": PNG}, {"image_url": {}}, {"image_url": {"url": PNG, "detail": []}}]
NO_URLS = ["", 7, [], "ftp://a/b.png", "data:image/png,x", "https:///"]
SEEN = ("chat", "vision")

OF_IMAGES = [
    Break("image-role", "chat", setting(answer_in, "content", [image(PNG)])),
    Break("image-role", "vision", setting(answer_in, "content", [image(PNG)])),
    *of_message("too-many-images", pictures(SMALL.images.per_row_max + 1), kinds=("chat", "vision")),
    *of_message("many-images", pictures(SMALL.images.per_call_max + 1), kinds=("chat", "vision")),
    Break("image-too-large", "vision", showing_url(data_url("png", png(3, 3) + b"\0" * SMALL.images.size_bytes_max))),
    *of_message("image-format", *map(showing_url, NOT_SOUND), kinds=("vision",)),
    *of_message(
        "image-shape", *each_of(asked_in, "content", *([{"type": "image_url"} | it] for it in NO_IMAGES)), kinds=SEEN
    ),
    *of_message("image-shape", *map(showing_url, NO_URLS), kinds=SEEN),
    *of_message("image-shape", *map(showing_url, NO_URLS), kinds=("dpo",), follows=frozenset({"image-in-preference"})),
    *of_message("image-shape", *map(showing_url, NO_URLS), kinds=("rft",), follows=frozenset({"image-in-prompt"})),
    *of_message("image-by-url", *map(showing_url, ("https://a.example/b.png", "HTTP://a")), kinds=("vision",)),
]

OF_PREFERENCES = [
    *(Break("input-missing", "dpo", way) for way in (without(top, "input"), setting(top, "input", []))),
    Break("input-missing", "dpo", setting(lambda row: row["input"], "messages", [])),
    Break("input-missing", "dpo", without(lambda row: row["input"], "messages")),
    *(
        Break("output-missing", "dpo", way)
        for name in ("preferred_output", "non_preferred_output")
        for way in (without(top, name), setting(top, name, []), setting(top, name, "Yes."))
    ),
    Break("output-role", "dpo", adding(lambda row: row["preferred_output"], said("user", "a"), at=0)),
    Break("output-role", "dpo", setting(top, "non_preferred_output", [said("system", "a"), said("assistant", "b")])),
    Break("same-outputs", "dpo", lambda row: setting(top, "non_preferred_output", row["preferred_output"])(row)),
    Break("last-not-user", "dpo", adding(prompts_in, said("assistant", "Well"))),
    Break("image-in-preference", "dpo", showing_url(PNG)),
    Break("image-in-preference", "dpo", setting(answer_in, "content", [image(PNG)]), frozenset({"image-role"})),
]

OF_PROMPTS = [
    Break("prompt-last-role", "rft", adding(prompts_in, said("assistant", "Yes."))),
    Break("prompt-last-role", "rft", adding(prompts_in, said("system", "Stop."))),
    Break("developer-last", "rft", adding(prompts_in, said("developer", "Be short."))),
    Break("grader-field-missing", "rft", without(top, "answer")),
    Break("grader-field-missing", "rft", without(lambda row: row["reference"], "number")),
    Break("grader-field-missing", "rft", setting(top, "reference", []), UNEVEN),
    Break("uneven-fields", "rft", setting(top, "answer", 7)),
    Break("uneven-fields", "rft", setting(top, "answer", None)),
    Break("uneven-fields", "rft", setting(top, "more", "x")),
    Break("asks-for-reasoning", "rft", setting(asked_in, "content", "Show your Chain of Thought.")),
    Break("image-in-prompt", "rft", showing_url(PNG)),
]

BREAKS = [*OF_LINES, *OF_CHAT, *OF_TOOLS, *OF_IMAGES, *OF_PREFERENCES, *OF_PROMPTS]


def test_every_row_code_has_a_way() -> None:
    """For every code that a row can have, the table has a way to get it."""
    codes = {each.code for each in BREAKS} | {"duplicate-row"}
    assert codes == CATALOGUE.keys() - OF_JOBS.keys() - NOT_ABOUT_ROWS
    assert not NOT_ABOUT_ROWS - CATALOGUE.keys()


def expected(each: Break, at: int) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """Return what must be told of a file with such a row in a line, and what may be; some is told of the whole file."""
    must = {(0 if code == "uneven-fields" else at, code) for code in {each.code, *each.follows}}
    return must, must | {(at, code) for code in each.may}


@pytest.mark.parametrize("each", BREAKS, ids=[f"{b.code}-{b.kind}-{n}" for n, b in enumerate(BREAKS)])
@given(data=st.data())
@settings(quickly, max_examples=3)
def test_one_broken_row(file: Path, each: Break, data: st.DataObject) -> None:
    """A row broken in one way, in an otherwise valid file, is told of with its code, in its line, and no other is."""
    row = data.draw(ROWS[each.kind])
    at, strict = data.draw(st.integers(2, FILE_ROWS)), each.strict or data.draw(st.booleans())
    beside = numbered(PLAIN[format_of_kind(each.kind)], 0)
    rows = [numbered(row if n == at else beside, n) for n in range(1, FILE_ROWS + 1)]
    lines = [written(each_row) for each_row in rows]
    broken = copied(rows[at - 1])
    instead = each.way(broken)
    lines[at - 1] = written(broken) if instead is None else instead
    must, may = expected(each, at)
    assert must <= told(check(file, lines, format_of_kind(each.kind), strict=strict), each.code) <= may


ASKED, SAID = said("user", "Where is it"), said("assistant", "Here.")
PLAIN: dict[str, Json] = {
    "chat": {"messages": [said("system", PROMPT), ASKED, SAID]},
    "dpo": {
        "input": {"messages": [ASKED]},
        "preferred_output": [SAID],
        "non_preferred_output": [said("assistant", "No.")],
    },
    "rft": {"messages": [said("system", PROMPT), ASKED], "answer": "It is", "reference": {"number": 7}},
}
"""Rows to stand beside one that is broken; each has to be told of, or is numbered."""


@pytest.mark.parametrize("row_format", PLAIN)
def test_repeated_rows(file: Path, row_format: str) -> None:
    """A row that stands in a file again is told of in its later line, with LF or CRLF, and only then."""
    lines = [written(numbered(PLAIN[row_format], n)) for n in range(FILE_ROWS)]
    report = check(file, [*lines, lines[3] + b"\r", written(numbered(PLAIN[row_format], 5), 2)], row_format)
    assert told(report) == {(FILE_ROWS + 1, "duplicate-row")}
    assert "as line 4." in report.problems[-1].detail


@pytest.mark.parametrize(("others", "code"), [([], {"constant-field"}), ([{"answer": "B"}], set())])
def test_constant_field(file: Path, others: list[Json], code: set[str]) -> None:
    """A field that is the same in every row is told of, and no more as soon as one row has another."""
    rows = [numbered(PLAIN["rft"], n) | {"answer": "A"} for n in range(FILE_ROWS)]
    report = check(file, [written(row) for row in [*rows, *(rows[0] | other for other in others)]], "rft")
    assert told(report) == {(0, each) for each in code}


def test_unread_lines_have_no_fields(file: Path) -> None:
    """A line without an object does not make the fields of the others uneven."""
    lines = [written(numbered(PLAIN["rft"], n)) for n in range(FILE_ROWS)]
    unread = [b"{", b"\xff", b"[]", b" " * (SMALL.reading.line_bytes_max + 1)]
    report = check(file, [*lines, *unread], "rft")
    assert {code for _, code in told(report)} == {"bad-json", "not-utf8", "not-an-object", "line-too-long"}


def test_rows_with_images_are_counted(file: Path) -> None:
    """More rows with images than a file may have are told of once, for the file."""
    most = SMALL.images.rows_max
    lines = [written({"messages": [said("user", [image(PNG)]), said("assistant", f"{n}")]}) for n in range(most + 1)]
    assert told(check(file, lines[:-1], "chat")) == set()
    assert told(check(file, lines, "chat")) == {(0, "too-many-image-rows")}
