"""Any files: the check never fails, loses no line, and keeps to its memory; `data_oracle.py` says what has to hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ftops.data import DataReport, Reading, check_rows, rows
from ftops.data.decode import NESTING_MAX, BadLine, decode, too_deep
from ftops.data.images import image_tokens, picture_of
from ftops.data.jsonl import BLOCK_BYTES
from ftops.data.report import FIELDS_MAX, PROMPTS_MAX
from ftops.data.walk import FORMATS

from .data_oracle import BOM, LIMITS, examine, lines_in, walked
from .data_rows import FIELDS, PICTURES, ROWS, VALUES, data_url, image, jpeg, png, said, written

CASES = Path(__file__).parents[1] / "cases" / "data"
LINES = sorted({line for path in CASES.glob("*.jsonl") for line in path.read_bytes().split(b"\n") if len(line) < 2000})
SHORT = replace(LIMITS, reading=replace(LIMITS.reading, line_bytes_max=300))

ROWS_OF_ALL = st.one_of(*ROWS.values()).map(written)
SPLICES = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"1.0", b"NaN", b"1e999", b"-", b"9" * 30, b"9" * 5000),
    *(b"\\u0000", b"\\ud800", b"\\ud83d\\ude00", b"\0", b"\x0b", b"\x7f", b"\xff", b"\xc3", b"\xed\xa0\x80", BOM),
    *(b"\r", b"\n", b"\r\n", b"\n\r", b"[" * 300, b'{"a":' * 300, b'"role": [], ', b'"role": {}, "role": "user", '),
]
ENDS = [b"\n", b"\r\n", b"\r", b"\n\r", b"\n\n", b"\r\r\n", b" \n", b"\n" + BOM, b"\n\0"]
READINGS = st.builds(
    Reading, st.sampled_from(FORMATS), fields=st.just(FIELDS), strict=st.booleans(), identities=st.booleans()
)

often = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the examples of a test put their data file, one after the other."""
    return tmp_path_factory.mktemp("fuzz") / "rows.jsonl"


# --- what is no row


@given(content=st.binary(max_size=300), reading=READINGS)
@example(content=BOM, reading=Reading("chat"))
@example(content=BOM + BOM + b"\n", reading=Reading("chat"))
@example(content=b"\xef\xbb", reading=Reading("chat"))
@example(content=b"\r\n\r", reading=Reading("rft"))
@example(content=b"\n" + BOM + b"\n", reading=Reading("dpo"))
@settings(often, max_examples=35)
def test_any_bytes(file: Path, content: bytes, reading: Reading) -> None:
    """Whatever the bytes are, the check ends well and all of its results agree."""
    examine(content, file, reading)


@given(lines=st.lists(VALUES.map(written) | st.sampled_from(LINES), max_size=6), reading=READINGS)
@settings(often, max_examples=35)
def test_any_values(file: Path, lines: list[bytes], reading: Reading) -> None:
    """Rows of any JSON, and rows of the cases in files of all formats, are checked alike in any way."""
    examine(b"\n".join(lines), file, reading)


@given(data=st.data(), reading=READINGS, begin=st.sampled_from([b"", BOM]), limits=st.sampled_from([LIMITS, SHORT]))
@settings(often, max_examples=35)
def test_spliced_rows(file: Path, data: st.DataObject, reading: Reading, begin: bytes, limits: object) -> None:
    """Sound rows with anything put into them, and ended in any way, are checked alike in any way."""
    content = begin
    for line in data.draw(st.lists(ROWS_OF_ALL | st.sampled_from(LINES), min_size=1, max_size=4)):
        at, cut = data.draw(st.integers(0, len(line))), data.draw(st.integers(0, 3))
        splice = data.draw(st.sampled_from([b"", b"", *SPLICES]) | st.binary(max_size=3))
        content += line[:at] + splice + line[at + cut :] + data.draw(st.sampled_from(ENDS))
    examine(content, file, reading, SHORT if limits is SHORT else LIMITS)


ODD_ROLES = [[], {}, None, 7, True, ["user"], {"role": "user"}]


@pytest.mark.parametrize("role", ODD_ROLES, ids=repr)
@pytest.mark.parametrize("row_format", FORMATS)
def test_roles_that_are_no_text(file: Path, role: object, row_format: str) -> None:
    """A role may be any value, also an array, and is then unknown; nor does guessing the format fail on it."""
    odd = {"role": role, "content": "a"}
    rows = [{"messages": [odd], "x": 1}, {"input": {"messages": [odd]}, "preferred_output": [odd]}]
    report = examine(b"\n".join(map(written, rows)), file, Reading(row_format, identities=True))
    assert report.seen["unknown-role"].count > 0


# --- nesting


@pytest.mark.parametrize("row_format", FORMATS)
@pytest.mark.parametrize("levels", [NESTING_MAX - 9, NESTING_MAX - 1, NESTING_MAX, NESTING_MAX + 1, 950, 100_000])
def test_deep_rows(file: Path, row_format: str, levels: int) -> None:
    """A value nested as deeply as can be read is read, and one nested more deeply is told of, however it is closed."""
    row = b'{"messages": [{"role": "user", "content": "a"}], "x": ' + b"[" * levels + b"]" * levels + b"}"
    content = b"\n".join([row, row[:-1], row.replace(b"[]", b"[\xff]"), row.replace(b"[]", b"[" + b"9" * 5000 + b"]")])
    report = examine(content, file, Reading(row_format, strict=True, identities=True))
    deep = [place for place in report.seen["bad-json"].places if "nested" in place.detail]
    assert len(deep) == (4 if levels >= NESTING_MAX else 0)


def called_from(calls: int, what: Callable[[], DataReport]) -> DataReport:
    """Return what a function returns that is called from so many calls deeper down."""
    return what() if not calls else called_from(calls - 1, what)


@pytest.mark.parametrize("row_format", FORMATS)
def test_the_caller_does_not_matter(file: Path, row_format: str) -> None:
    """A report does not depend on how many calls led to the check, as the interpreter's own limit would."""
    row = b'{"messages": [{"role": "user", "content": "a"}], "x": %s}'
    lines = [row % (b"[" * levels + b"]" * levels) for levels in range(200, 1000, 50)]
    file.write_bytes(b"\n".join(lines))
    reading = Reading(row_format, strict=True, identities=True)
    reports = [called_from(n, lambda: check_rows(file, "rows", LIMITS, reading).report) for n in (0, 100, 400)]
    assert reports[0] == reports[1] == reports[2]


@pytest.mark.parametrize("text", ["[" * 400, '\\"' + "{" * 400, "[" * 400 + '\\\\"', "{[" * 200 + "\\n"])
def test_brackets_in_texts_are_no_nesting(text: str) -> None:
    """Brackets within a text are no levels, also beside quotes and backslashes, nor are those side by side."""
    flat = b"[" + b"[]," * 400 + b"{}]"
    assert not too_deep(b'{"a": "' + text.encode() + b'", "b": ' + flat + b"}")
    assert not isinstance(decode(json.dumps({text: text, "b": [[]] * 400}).encode()), BadLine)


# --- pictures


BROKEN = st.builds(
    lambda picture, length, more: picture[:length] + more,
    PICTURES.map(lambda each: each[1]),
    st.integers(0, 90),
    st.binary(max_size=12),
)


@given(
    broken=BROKEN,
    form=st.sampled_from(["png", "jpeg", "webp", "gif", "", "PNG", "svg+xml"]),
    junk=st.tuples(st.integers(0, 40), st.sampled_from(["", "=", "*", "é", "\0", "====", " ", "\n"])),
)
@settings(often, max_examples=35)
def test_broken_pictures(file: Path, broken: bytes, form: str, junk: tuple[int, str]) -> None:
    """A picture that is cut, followed by anything, or no base64, is judged or told of, and counts for some tokens."""
    found = picture_of(broken)
    assert found is None or (found.width >= 0 and found.height >= 0)
    url = data_url(form, broken)
    for each in (url, url[: junk[0]] + junk[1] + url[junk[0] :]):
        part = image(each)
        assert image_tokens(part, LIMITS.images) >= LIMITS.images.low_tokens
        rows = [{"messages": [said("user", [part]), said("assistant", "a")]}]
        examine(b"\n".join(map(written, rows)), file, Reading("chat"))


@pytest.mark.parametrize("make", [png, jpeg])
@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 5), (5, 0), (1, 65535), (65535, 65535)])
def test_odd_sizes(make: Callable[[int, int], bytes], width: int, height: int) -> None:
    """Pictures without a side, or much longer than high, count for a bounded number of tokens."""
    part = image(data_url("png", make(width, height)))
    assert 0 < image_tokens(part, LIMITS.images) < 20_000


# --- blocks


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n"])
@pytest.mark.parametrize("off", range(-3, 4))
def test_blocks_end_anywhere(file: Path, end: bytes, off: int) -> None:
    """The lines about the end of a block are read alike, wherever in them it falls."""
    row = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "ä"}]}'
    tail = [(row % "é").encode(), b"", b"{", b'{"messages": []}', (row % "ü").encode(), b"\xc3"]
    first = (row % ("x" * (BLOCK_BYTES + off - len(end) - len((row % "").encode())))).encode()
    content = end.join([first, *tail] * 2)
    assert len(first + end) == BLOCK_BYTES + off
    report = examine(content, file, Reading("chat", identities=True))
    gathered, _, _ = walked([lines_in(content)], Reading("chat", identities=True))
    own = {code: seen for code, seen in report.seen.items() if code in gathered.seen}
    assert own == gathered.seen and report.tokens == gathered.tokens


def test_prompts_are_noted_in_order(file: Path) -> None:
    """The first line of a prompt is told, and the earliest of the longest rows, whatever way rows were checked."""
    plain = {"messages": [said("system", "P"), said("user", "a"), said("assistant", "b")]}
    content = b"\n".join(map(written, [plain, *[plain | {"meta": 1}] * 6, plain]))
    report = examine(content, file, Reading("chat"))
    ((prompt, rows),) = [(each.line, each.rows) for each in report.prompts.values()]
    assert (prompt, rows) == (1, 8) and [line for _, line in report.lengths.longest] == [1, 2, 3, 4, 5]


def test_more_fields_than_are_kept(file: Path) -> None:
    """With more further fields than are kept, no field is said to be missing that is there."""
    rows = [
        {"messages": [said("user", f"{n}")], **{f"k{n}-{m}": 1 for m in range(9)}, "answer": f"{n}"} for n in range(40)
    ]
    assert len(rows) * 9 > FIELDS_MAX
    report = examine(b"\n".join(map(written, rows)), file, Reading("rft"))
    assert "uneven-fields" not in report.seen


# --- memory and time

ROW = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "b"}]%s}\n'
LONG = 60_000_000
TOOLS = ', "tools": [{"type": "function", "function": {"name": "f%d", "description": "%s"}}]'


def tiny_lines() -> Iterator[str]:
    """Yield 300,000 small rows, the second half of them once more."""
    return (ROW % (n % 200_000, "") for n in range(300_000))


def many_prompts() -> Iterator[str]:
    """Yield rows that each have another system prompt."""
    for n in range(6_000):
        yield (ROW % (n, "")).replace("[", f'[{{"role": "system", "content": "{n} {"y" * 500}"}}, ', 1)


def many_fields() -> Iterator[str]:
    """Yield reinforcement rows that each have other fields."""
    for n in range(3_000):
        yield json.dumps({"messages": [said("user", f"{n}")], **{f"k{n}-{m}": m for m in range(20)}}) + "\n"


def many_tools(rows: int, characters: int) -> Iterator[str]:
    """Yield rows that each have another tool."""
    return (ROW % (n, TOOLS % (n, "z" * characters)) for n in range(rows))


SHAPES: dict[str, tuple[str, int, Callable[[], Iterator[str]]]] = {
    "one line": ("chat", 7 * LONG >> 20, lambda: iter([ROW % ("x" * LONG, "")])),
    "one text without end": ("chat", 6 * LONG >> 20, lambda: iter(['{"a": "', "x" * LONG])),
    "one line of brackets": ("chat", 3 * LONG >> 20, lambda: iter(["[" * LONG])),
    "small rows": ("chat", 48, tiny_lines),
    "a million blank lines": ("chat", 48, lambda: iter(["\n" * 1_000_000])),
    "lines of a byte": ("chat", 24, lambda: iter(["7\n" * 40_000])),
    "system prompts": ("chat", 12, many_prompts),
    "fields": ("rft", 12, many_fields),
    "small tools": ("chat", 12, lambda: many_tools(8_000, 99)),
    "large tools": ("chat", 24, lambda: many_tools(150, 200_000)),
}
"""Files that might cost memory: their format, the MiB that a check may take, and their text."""

MEASURED = """
import sys
from pathlib import Path
from ftops.data import Reading, check_rows
from ftops.rules import load_rules

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

limits, before = load_rules().limits, peak()
report = check_rows(Path(sys.argv[1]), "rows", limits, Reading(sys.argv[2], identities=True)).report
print(report.rows, (peak() - before) >> 10)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process alone")
@pytest.mark.parametrize("shape", SHAPES)
def test_memory_of_shapes(tmp_path: Path, shape: str) -> None:
    """Files of odd shapes take the memory of their longest line, some blocks, and what is kept of each line."""
    row_format, most_mib, text = SHAPES[shape]
    path = tmp_path / "rows.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(text())
    command = [sys.executable, "-c", MEASURED, str(path), row_format]
    told = subprocess.run(  # noqa: S603 - our own interpreter
        command, check=True, capture_output=True, text=True, env={"FTOPS_DATA_PROCESSES": "1"}
    )
    path.unlink()
    _, taken_mib = map(int, told.stdout.split())
    assert taken_mib <= most_mib


def test_one_row_of_many_findings(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is broken in a great many places is told of in the first of them, and costs no more than those."""
    monkeypatch.setattr(rows, "FINDINGS_MAX", 50)
    report = examine(b'{"messages": [' + b"7," * 99 + b"7]}", file, Reading("chat"))
    assert report.seen["message-shape"].count == 50


def test_more_prompts_than_are_told_apart(file: Path) -> None:
    """Rows of system prompts beyond those told apart are counted together, and none is lost."""
    rows = [
        {"messages": [said("system", f"{n % 300}"), said("user", f"{n}"), said("assistant", "a")]} for n in range(700)
    ]
    file.write_bytes(b"\n".join(map(written, rows)))
    report = check_rows(file, "rows", LIMITS, Reading("chat")).report
    assert len(report.prompts) == PROMPTS_MAX
    assert sum(prompt.rows for prompt in report.prompts.values()) + report.other_prompt_rows == len(rows)
    assert [prompt.line for prompt in report.prompts.values()] == list(range(1, PROMPTS_MAX + 1))
