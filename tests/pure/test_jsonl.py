"""Dataset checks: cases as files, and what holds for every file (digest, memory, silence about contents)."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from ftops.catalogue import CATALOGUE, OF_FILES, OF_IMAGES, OF_JOBS
from ftops.data import SHOWN_PER_CODE_MAX, DataReport, Reading, check_rows
from ftops.data.decode import BadLine, column_of, decode, locate
from ftops.data.formats import MESSAGE_CHECKS, ROW_CHECKS, check_chat_row
from ftops.data.jsonl import BLOCK_BYTES, JsonlFile
from ftops.data.reinforcement import missing_fields
from ftops.data.rows import Row
from ftops.diagnostics import Severity
from ftops.rules import Limits, load_rules

CASES = Path(__file__).parents[1] / "cases" / "data"
EXAMPLES = Path(__file__).parents[2] / "examples" / "specs"
LIMITS = load_rules().limits
CHAT = Reading("chat")
SHORT = replace(LIMITS, rows=replace(LIMITS.rows, rows_min=1))
"""The service's limits, but one row is enough, so that a case shows only what it is about."""

GOOD = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}\n'


def good(rows: int) -> bytes:
    """Return so many sound rows of one length, of which no two are equal."""
    return b"".join(GOOD.replace(b"Hi", b"%02d" % number) for number in range(rows))


def check(path: Path, content: bytes, limits: Limits = SHORT, reading: Reading = CHAT) -> DataReport:
    """Return the report of a file with this content, shown as `rows.jsonl`."""
    path.write_bytes(content)
    return check_rows(path, "rows.jsonl", limits, reading).report


def check_case(path: Path, shown: str, limits: Limits = SHORT) -> DataReport:
    """Return the report of a case or example; its name says the format of its rows, and what is asked for."""
    row_format = next((name for name in ("dpo", "rft") if name in path.stem), "chat")
    reading = Reading(row_format, fields=(("answer",),), strict=path.stem.startswith("strict-"))
    return check_rows(path, shown, limits, reading).report


def codes(report: DataReport) -> list[str]:
    """Return the codes of a report, in its order."""
    return [problem.code for problem in report.problems]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a test may put its data file."""
    return tmp_path / "rows.jsonl"


# --- the cases


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.jsonl")))
def test_case(case: str) -> None:
    """A case file gives exactly the codes, at the lines and columns, of its .expected file."""
    report = check_case(CASES / f"{case}.jsonl", case)
    told = "".join(f"{p.span.line}:{p.span.column} {p.code}\n" for p in report.problems)
    assert told == (CASES / f"{case}.expected").read_text(encoding="utf-8")


def test_every_row_code_has_a_case() -> None:
    """Every code that is about lines appears in some case."""
    seen = {line.split()[1] for path in CASES.glob("*.expected") for line in path.read_text().splitlines()}
    assert seen == CATALOGUE.keys() - NO_ROWS - TOO_LARGE - OF_JOBS.keys() - BETWEEN


NO_ROWS = {"unreadable-file", "too-few-rows", "no-bom"} & OF_FILES.keys()
TOO_LARGE = {
    "large-upload",
    "file-too-large",
    "line-too-long",
    "long-content",
    "image-too-large",
    "too-many-image-rows",
}
BETWEEN = {"shared-row", "validation-missing"} | {"image-model", "image-region"} & OF_IMAGES.keys()
"""Codes that no case can have: of a file as a whole, of what would be a large case, of a job with its data."""


def test_every_problem_explains_itself() -> None:
    """Every diagnostic has the catalogue's severity and summary, a detail that ends as a sentence, and no excerpt."""
    for path in CASES.glob("*.jsonl"):
        for problem in check_case(path, path.name).problems:
            assert (problem.severity, problem.summary) == CATALOGUE[problem.code][:2]
            assert problem.detail.endswith((".", "?")) and not problem.excerpt


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("good-*.jsonl")))
def test_good_cases_have_no_problem(case: str) -> None:
    """A case named good is expected to be without any finding."""
    assert not (CASES / f"{case}.expected").read_text()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/data/*.jsonl")), ids=lambda path: path.name)
def test_examples_are_clean(path: Path) -> None:
    """The example datasets pass without error and warning, and stand in the repository as UTF-8 with LF."""
    found = {(problem.severity, problem.code) for problem in check_case(path, path.name, LIMITS).problems}
    assert found <= {(Severity.INFO, "several-system-prompts")}  # A file for two jobs has the prompts of both.
    assert not path.read_bytes().startswith(b"\xef\xbb\xbf") and b"\r" not in path.read_bytes()


def test_example_validation_is_not_trained_on() -> None:
    """No example row appears twice in its project, so validation data is never trained on."""
    for project in EXAMPLES.glob("*/data"):
        rows = [row for path in sorted(project.glob("*.jsonl")) for row in path.read_bytes().splitlines()]
        assert len(rows) == len(set(rows))


def test_shortcut_agrees_with_all_checks() -> None:
    """A row that takes the shortcut for plain rows would have no other finding under all checks."""
    for path in CASES.glob("*.jsonl"):
        for value in map(decode, path.read_bytes().splitlines()):
            if (
                not isinstance(value, dict)
                or not isinstance(value.get("messages"), list)
                or "preferred_output" in value
            ):
                continue
            listed = value["messages"]
            row = Row(value, listed, tuple((i, m) for i, m in enumerate(listed) if isinstance(m, dict)), LIMITS)
            every = [f for rule in ROW_CHECKS for f in rule(row)]
            every += [f for i, m in row.messages for rule in MESSAGE_CHECKS for f in rule(("messages", i), m, LIMITS)]
            if row.messages:
                assert check_chat_row(value, LIMITS) == every


# --- the file as a whole


@pytest.mark.parametrize(
    "variant",
    [good(12), b"\xef\xbb\xbf" + good(12), good(12).replace(b"\n", b"\r\n")],
    ids=["plain", "bom", "crlf"],
)
def test_digest_ignores_bom_and_crlf(file: Path, variant: bytes) -> None:
    """A file has the same digest, the sha256 of its plain form, and no finding, with a BOM and with CRLF."""
    report = check(file, variant, LIMITS)
    assert (report.digest, report.size_bytes) == (hashlib.sha256(good(12)).hexdigest(), len(variant))
    assert (report.rows, report.tokens, report.problems) == (12, 12 * 13, ())


def test_a_missing_mark_is_told_where_it_is_asked_for(file: Path) -> None:
    """Most files have no byte-order mark, so nothing is said of it but to who turns the rule on."""
    levels = {"no-bom": Severity.WARNING}
    assert [p.code for p in check(file, good(12), LIMITS).judged(levels)] == ["no-bom"]
    assert check(file, b"\xef\xbb\xbf" + good(12), LIMITS).judged(levels) == ()


def test_missing_last_newline_is_fine(file: Path) -> None:
    """A file may end without a line end."""
    assert codes(check(file, good(3).rstrip())) == []


def test_every_empty_line_is_told(file: Path) -> None:
    """An empty line after the last row is told like one between rows."""
    first, second = good(2).splitlines(keepends=True)
    assert codes(check(file, first + b"\n" + second + b"\n")) == ["blank-line", "blank-line"]


@pytest.mark.parametrize(("content", "rows"), [(b"", 0), (b"\xef\xbb\xbf", 0), (good(9), 9)])
def test_too_few_rows(file: Path, content: bytes, rows: int) -> None:
    """Below ten rows there is an error for the whole file, which says how many there are."""
    report = check(file, content, LIMITS)
    (problem,) = (p for p in report.problems if p.code == "too-few-rows")
    assert report.rows == rows and report.has_errors
    assert str(problem.span) == "rows.jsonl" and f"has {rows} rows" in problem.detail


def test_ten_rows_are_enough(file: Path) -> None:
    """Ten rows are nothing to be told of."""
    assert not check(file, good(10), LIMITS).problems


def test_rows_count_though_unsound(file: Path) -> None:
    """A line that cannot be read counts as a row, so that one problem does not cause another."""
    assert codes(check(file, good(9) + b"{\n", LIMITS)) == ["bad-json"]


@pytest.mark.parametrize(
    ("below", "most", "expected"),
    [(201, 300, []), (200, 300, ["large-upload"]), (100, 200, ["large-upload"]), (100, 199, ["file-too-large"])],
)
def test_size_limits(file: Path, below: int, most: int, expected: list[str]) -> None:
    """A file that is too large for one upload is told to be large; one too large for an upload in parts is refused."""
    limits = replace(SHORT, files=replace(LIMITS.files, size_bytes_below=below, parts_total_bytes_max=most))
    report = check(file, good(2).rstrip().ljust(200), limits)
    assert report.size_bytes == 200 and codes(report) == expected
    assert report.has_errors is (expected == ["file-too-large"])


def test_image_limits(file: Path) -> None:
    """An image of too many bytes is an error where it stands, and so are too many rows with images in a file."""
    case = (CASES / "good-images.jsonl").read_bytes()
    limits = replace(SHORT, images=replace(LIMITS.images, size_bytes_max=69, rows_max=6))
    report = check(file, case, limits)
    assert {p.code for p in report.problems} == {"image-too-large"}
    assert [p.span.line for p in report.problems] == [2, 3, 6]  # The RGBA picture has 70 bytes, the JPEG ones more.
    assert codes(check(file, case, replace(SHORT, images=replace(LIMITS.images, rows_max=5)))) == [
        "too-many-image-rows"
    ]
    assert report.image_rows == 6 and report.first_image_line == 1


def test_content_length_limit(file: Path) -> None:
    """Content beyond what a request takes is a warning."""
    limits = replace(SHORT, rows=replace(SHORT.rows, message_characters_max=5))
    assert codes(check(file, GOOD, limits)) == ["long-content"]


@pytest.mark.parametrize("length", [1000, 3 * BLOCK_BYTES])
def test_too_long_line(file: Path, length: int) -> None:
    """A line beyond the reader's limit is told and passed over, and the lines after it keep their numbers."""
    limits = replace(SHORT, reading=replace(LIMITS.reading, line_bytes_max=500))
    report = check(file, good(1) + b"x" * length + b"\n" + GOOD + b"{\n", limits)
    assert [(p.span.line, p.code) for p in report.problems] == [(2, "line-too-long"), (4, "bad-json")]
    assert report.rows == 4


@pytest.mark.parametrize("where", ["absent", "folder"])
def test_unreadable_file(tmp_path: Path, where: str) -> None:
    """A path that is no readable file is one problem without a digest."""
    (tmp_path / "folder").mkdir()
    report = check_rows(tmp_path / where, where, LIMITS, Reading("chat")).report
    assert codes(report) == ["unreadable-file"] and report.digest == ""


def lines_of(path: Path) -> list[bytes | None]:
    """Return the lines of a file, whose numbers must follow each other."""
    lines: list[bytes | None] = []
    for batch in JsonlFile(path, 2 * BLOCK_BYTES).batches():
        assert batch.number == len(lines) + 1
        lines += batch.lines
    return lines


def test_lines_are_numbered(file: Path) -> None:
    """Lines are yielded whole and in order, also after a BOM, a CRLF and across blocks."""
    file.write_bytes(b"\xef\xbb\xbffirst\r\n\n" + b"a" * BLOCK_BYTES + b"\nb\nlast")
    assert lines_of(file) == [b"first\r", b"", b"a" * BLOCK_BYTES, b"b", b"last"]


@pytest.mark.parametrize("length", [BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1])
def test_lines_across_blocks(file: Path, length: int) -> None:
    """A line that ends just before, at or after the end of a block is read whole."""
    file.write_bytes(b"a" * length + b"\nb\n")
    assert lines_of(file) == [b"a" * length, b"b"]


def test_memory_is_bounded(file: Path) -> None:
    """A file of 40 MB is checked within a few blocks of memory."""
    text = "The parcel waits at the locker. " * 3000
    row = json.dumps({"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes."}]})
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{row}\n".replace("Yes", f"Yes, number {number}") for number in range(420))
    assert file.stat().st_size > 40e6
    tracemalloc.start()
    try:
        report = check_rows(file, "rows.jsonl", LIMITS, Reading("chat")).report
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.rows == 420 and not report.problems
    assert peak < 8 * BLOCK_BYTES


@pytest.mark.parametrize(
    ("path", "there"),
    [
        (("answer",), True),
        (("reference", "code"), True),
        (("reference", "cod"), False),
        (("answer", "code"), False),
        (("reference", "notes", "0"), False),
    ],
)
def test_what_a_grader_reads_has_to_be_there(path: tuple[str, ...], there: bool) -> None:
    """A way leads through objects only, and null at its end is something."""
    row = {"answer": None, "reference": {"code": "L7", "notes": ["x"]}}
    found = list(missing_fields(row, [path]))
    assert [(finding.code, finding.path) for finding in found] == [("grader-field-missing", path)] * (not there)


# --- what is said, and what never is


def test_closing_line_counts_the_rest(file: Path) -> None:
    """After the first few of a code one more diagnostic, in the place of the next, counts the rest."""
    report = check(file, b"{\n" * 1200)
    assert len(report.problems) == SHOWN_PER_CODE_MAX + 1
    closing = report.problems[-1]
    assert (closing.code, closing.span.line) == ("bad-json", SHOWN_PER_CODE_MAX + 1)
    assert closing.detail == "The same in 1,195 more places, the last one in line 1,200; only the first 5 are listed."


def test_closing_line_within_one_row(file: Path) -> None:
    """The closing diagnostic follows those it closes even when all of them stand in one line."""
    messages = [{"role": "user", "content": ""}, {"role": "assistant", "content": "Yes."}] * 6
    report = check(file, json.dumps({"messages": messages}).encode())
    assert [p.detail.startswith("The same in 1 more place;") for p in report.problems] == [False] * 5 + [True]


SECRET = "xyzzy-the-customer-said"


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": SECRET}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": SECRET}]},
                {"role": "assistant", "content": {"a": SECRET}},
            ]
        },
        {"messages": [{"role": "assistant", "weight": SECRET, "content": SECRET, "name": SECRET}]},
        {"messages": [{"role": "user", "content": ""}, {"role": "x" * 60 + SECRET, "content": SECRET}]},
        {"messages": [SECRET], "tools": [SECRET], "functions": SECRET, "x" * 60 + SECRET: SECRET},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": SECRET}}]}]},
        {"messages": [{"role": "tool", "content": SECRET, "tool_call_id": SECRET}]},
        {"messages": SECRET},
        {"input": SECRET, "preferred_output": SECRET},
        {"messages": [{"role": "user", "content": "a", "x" * 60 + SECRET: 1}], "tools": [{"type": SECRET}]},
    ],
)
def test_text_of_rows_is_never_told(file: Path, row: dict[str, object]) -> None:
    """No diagnostic carries the text of a row, whole, cut short or followed by other bytes."""
    text = json.dumps(row).encode()
    spoiled = [text, text[:-1], text + b"}", text.replace(b"xyzzy", b"xyzzy\xff"), text.replace(b"xyzzy", b"\txyzzy")]
    for content in spoiled:
        report = check(file, content)
        assert report.problems and "the-customer-said" not in repr(report)


def test_names_are_made_printable(file: Path) -> None:
    """A key cannot smuggle control characters into a terminal."""
    report = check(file, GOOD.replace(b'"messages"', b'"\\u001b[31m": 1, "messages"', 1))
    assert codes(report) == ["unknown-row-key"] and "\x1b" not in report.problems[0].detail


@pytest.mark.parametrize("answered", [b"[]", b"{}", b"7", b"null"])
def test_a_reply_to_no_text(file: Path, answered: bytes) -> None:
    """A call's id that is no text, even an array, is no call's id and nothing worse."""
    reply = b'{"role": "tool", "content": "7", "tool_call_id": ' + answered + b'}, {"role": "assistant"'
    assert codes(check(file, GOOD.replace(b'{"role": "assistant"', reply))) == ["dangling-tool-call"]


def test_equal_files_give_equal_reports(file: Path) -> None:
    """Two checks of one file are equal, and only errors make it unusable."""
    content = GOOD.replace(b'"messages"', b'"b": 1, "a": 2, "messages"', 1)
    first, again = check(file, content), check(file, content)
    assert first == again and not first.has_errors
    assert {p.severity for p in first.problems} == {Severity.WARNING}


# --- decoding and locating


@pytest.mark.parametrize(
    "text", ["tru", "-", "", '{"a":+1}', '{"a" 1}', '{"a":1 "b":2}', '{"a":01}', '{"a":"\\u12"}', "[1 2]"]
)
def test_bad_json_is_explained(text: str) -> None:
    """Every malformed line has a place within it and a reason in our own words."""
    bad = decode(text.encode())
    assert isinstance(bad, BadLine) and bad.code == "bad-json"
    assert bad.position <= len(text) and bad.reason and "JSON is malformed" not in bad.reason


def test_columns_count_characters() -> None:
    """A column counts characters, not bytes, from 1."""
    data = '{"é€😀": NaN}'.encode()
    bad = decode(data)
    assert isinstance(bad, BadLine) and column_of(data, bad.position) == '{"é€😀": NaN}'.index("N") + 1


@pytest.mark.parametrize(
    ("path", "begin"),
    [
        ((), "{"),
        (("a",), "[1"),
        (("a", 1), '{"b'),
        (("a", 1, "b"), '"é'),
        (("c",), "12345"),
        (("absent", "x"), "{"),
        (("a", 9), "[1"),
        (("c", 0), "12345"),
    ],
)
def test_locate(path: tuple[str | int, ...], begin: str) -> None:
    """A path is found in a line, as far as it exists; of equal keys the last one counts."""
    text = ' {"c": 0, "a" : [1 , {"b":"é"} ], "c": 123456789012345678901234567890}'
    assert locate(text.encode(), path) == text.index(begin) + 1


def test_locate_gives_up_on_deep_nesting() -> None:
    """A value behind one that is nested too deeply is placed at the column where that is known."""
    assert locate(b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b', "b": 1}', ("b",)) == 1
