"""The table of docs/datasets.md: every rule is in it, and does with its two cells what the table says."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

import pytest
import yaml

from ftops import job_data
from ftops.catalogue import CATALOGUE, OF_BOTH, OF_JOB_DOCUMENTS
from ftops.data import check, walk
from ftops.render.rules import COLUMNS, rules_markdown
from ftops.rules import Limits, load_rules

from .data_examples import GROUP_OF, RULES, Lines, Setting, built, filling, found, setting_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "datasets.md"
HEADING = "\n## Every rule\n"
UPDATE = bool(os.environ.get("FTOPS_UPDATE_GOLDEN"))
LIMITS = RULES.limits


@dataclass(frozen=True, slots=True)
class Told:
    """A row of the table."""

    code: str
    id: str
    severity: str
    source: str
    accepted: str
    refused: str


def table() -> dict[str, Told]:
    """Return the rows of the table as the document has them."""
    text = DOCUMENT.read_text(encoding="utf-8").partition(HEADING)[2]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    assert tuple(cells[0]) == COLUMNS and set(cells[1]) == {"---"}
    told = [Told(code.strip("`"), *rest) for code, *rest in cells[2:]]
    assert len({row.code for row in told}) == len(told)
    return {row.code: row for row in told}


TABLE = table()
_part = re.compile(r"(?:(?P<label>\w+): )?`(?P<row>[^`]*)`|(?P<empty>\(an empty line\))")


def lines_of_cell(cell: str) -> Lines:
    """Return what a cell of code says, as the lines of an example."""
    parts = [_part.fullmatch(part) for part in cell.split("<br>")]
    assert all(parts), cell
    return Lines.of(
        f"{part['label']}: {part['row']}" if part["label"] else (part["row"] or "")
        for part in parts
        if part is not None
    )


def test_the_table_is_written_from_the_catalogue_and_the_pages() -> None:
    """docs/datasets.md ends in the table; `make golden` writes it."""
    shown = DOCUMENT.read_text(encoding="utf-8")
    head = shown[: shown.index(HEADING) + len(HEADING)]
    before, bar, _ = shown[len(head) :].partition("|")
    written = head + before + "\n".join(rules_markdown(list(GROUP_OF.values()))) + "\n"
    if UPDATE:
        DOCUMENT.write_text(written, encoding="utf-8")
        return
    assert bar and shown == written


def test_every_rule_is_in_the_table_as_it_is_in_the_catalogue() -> None:
    """No rule is missing, in whatever order, and its id, weight and source are those that hold."""
    assert {code: (row.id, row.severity, row.source) for code, row in TABLE.items()} == {
        code: (check.id, str(check.severity or "off"), check.source) for code, check in CATALOGUE.items()
    }


# --- cells of rows

MORE: Mapping[str, set[str]] = {
    "image-region": {"leaves-region"},
    "long-content": {"row-over-context"},
}
"""What a refused example cannot but give as well."""


def refuses(code: str, root: Path, lines: Lines, setting: Setting) -> None:
    """Assert that a rule is told as the table says, that nothing else is, and that a document weighs it otherwise."""
    usual = TABLE[code].severity
    expected = {} if usual == "off" else {code: usual}
    told = found(built(root, lines, setting))
    assert {each: level for each, level in told.items() if each not in MORE.get(code, ())} == expected
    other = "warning" if usual == "info" else "info"
    if not CATALOGUE[code].fixed:
        assert found(built(root, lines, weighed(setting, code, other)))[code] == other


def accepts(code: str, root: Path, lines: Lines, setting: Setting) -> None:
    """Assert that a rule is not told, also when it is asked for, nor any other of more than advice."""
    told = found(built(root, lines, weighed(setting, code, "error") if not CATALOGUE[code].fixed else setting))
    assert code not in told and set(told.values()) <= {"info"}, told


def weighed(setting: Setting, code: str, level: str) -> Setting:
    """Return the same with a rule overridden in the document that may."""
    levels = {code: level}
    if code in OF_JOB_DOCUMENTS:
        return replace(setting, of_job={**setting.of_job, **levels})
    if code in OF_BOTH:
        return replace(setting, of_holdout={**setting.of_holdout, **levels})
    return replace(setting, of_dataset={**setting.of_dataset, **levels})


ROWS = [code for code, row in TABLE.items() if all(map(_part.fullmatch, row.refused.split("<br>")))]


@pytest.mark.parametrize("code", ROWS)
def test_the_cells_do_what_the_table_says(code: str, tmp_path: Path) -> None:
    """The refused rows give the rule and nothing else, weighed as the table says; the accepted rows do not give it."""
    row, setting = TABLE[code], setting_of(code)
    refuses(code, tmp_path, lines_of_cell(row.refused), setting)
    accepts(code, tmp_path, lines_of_cell(row.accepted), setting)


# --- cells of words: what is too large for a table

PNG = json.loads(lines_of_cell(TABLE["image-role"].accepted).rows[0])["messages"][0]["content"][1]
PNG_BYTES = 69


def chat(messages: int = 2, content: str = "Hi", **more: object) -> str:
    """Return a sound row of so many messages, of which the first has a content."""
    turns = islice(cycle([{"role": "user", "content": content}, {"role": "assistant", "content": "Hello."}]), messages)
    return json.dumps({"messages": list(turns), **more})


def system(messages: int) -> str:
    """Return a sound row of an odd number of messages."""
    row = json.loads(chat(messages - 1))
    return json.dumps({"messages": [{"role": "system", "content": "Be kind."}, *row["messages"]]})


def tools(count: int) -> str:
    """Return a row that defines so many tools."""
    return chat(tools=[{"type": "function", "function": {"name": f"f{n}", "parameters": {}}} for n in range(count)])


def images(count: int, asked: str = "Which?") -> str:
    """Return a row with so many images."""
    content = [{"type": "text", "text": asked}, *[PNG] * count]
    return json.dumps({"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": "None."}]})


def limited(**tables: Mapping[str, object]) -> Setting:
    """Return the usual setting under limits that are smaller than the service's, so that a test is small too."""
    limits: Limits = LIMITS
    for name, values in tables.items():
        limits = replace(limits, **{name: replace(getattr(limits, name), **values)})
    return Setting(rules=replace(load_rules(), limits=limits))


USUAL = Setting()
NO_MARK, MARK = chat(content="No mark"), "\ufeff" + chat(content="Mark")
CONTEXT = 65_536
BESIDE = 2 * LIMITS.tokens.tokens_per_message + LIMITS.tokens.tokens_per_row
FITS = (CONTEXT - BESIDE) * LIMITS.tokens.characters_per_token - len("Hello.")
"""The characters of a message in a row that has just as many tokens as the model trains on."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the words of the two cells stand for, and a number out of the limits that each of them has to name."""

    refused: Lines
    accepted: Lines
    number: object = ""
    more: object = ""
    setting: Setting = USUAL
    others: Setting | None = None

    @property
    def of_accepted(self) -> Setting:
        """Return the setting of what is accepted: mostly the same."""
        return self.others or self.setting


def lines(*rows: str, **job: object) -> Lines:
    """Return lines of the training file, and a part of the job's spec."""
    return Lines(rows=rows, job=job)


TWO_EPOCHS = {"hyperparameters": {"n_epochs": 2}}
ALONE = Setting(alone=True)
VALIDATED = lines(validation_file={"dataset": "holdout"})
MB, MIB = 1_000_000, 1 << 20
MEASURED: Mapping[str, Measured] = {
    "not-utf8": Measured(lines(chat(content="caf\udce9").replace("\\udce9", "\udce9")), lines(chat(content="café"))),
    "no-bom": Measured(lines(NO_MARK), lines(MARK), setting=setting_of("git-lfs-pointer")),
    "too-few-rows": Measured(
        lines(*filling("supervised", 9)),
        lines(*filling("supervised", 10)),
        LIMITS.rows.rows_min - 1,
        LIMITS.rows.rows_min,
        ALONE,
    ),
    "large-upload": Measured(
        lines(),
        lines(),
        f"{LIMITS.files.size_bytes_below // MB:,} MB",
        f"{LIMITS.files.upload_in_parts_from_bytes // MB:,} MB",
        limited(files={"size_bytes_below": 5000}),
        USUAL,
    ),
    "file-too-large": Measured(
        lines(),
        lines(),
        f"{LIMITS.files.parts_total_bytes_max // MB:,} MB",
        f"{LIMITS.files.parts_total_bytes_max // MB:,} MB",
        limited(files={"parts_total_bytes_max": 5000}),
        USUAL,
    ),
    "line-too-long": Measured(
        lines(chat(content="x" * 500)),
        lines(chat(content="x" * 100)),
        f"{LIMITS.reading.line_bytes_max // MIB} MiB",
        f"{LIMITS.reading.line_bytes_max // MIB} MiB",
        limited(reading={"line_bytes_max": 500}),
    ),
    "too-many-messages": Measured(
        lines(system(LIMITS.rows.messages_max + 1)),
        lines(chat(LIMITS.rows.messages_max)),
        LIMITS.rows.messages_max + 1,
        LIMITS.rows.messages_max,
    ),
    "long-content": Measured(
        lines(chat(content="x" * (LIMITS.rows.message_characters_max + 1))),
        lines(chat(content="x" * LIMITS.rows.message_characters_max)),
        LIMITS.rows.message_characters_max + 1,
        LIMITS.rows.message_characters_max,
        Setting(of_job={"row-over-context": "info"}),
    ),
    "too-many-tools": Measured(
        lines(tools(LIMITS.rows.tools_max + 1)),
        lines(tools(LIMITS.rows.tools_max)),
        LIMITS.rows.tools_max + 1,
        LIMITS.rows.tools_max,
    ),
    "too-many-images": Measured(
        lines(images(LIMITS.images.per_row_max + 1)),
        lines(images(LIMITS.images.per_call_max)),
        LIMITS.images.per_row_max + 1,
        LIMITS.images.per_call_max,
    ),
    "many-images": Measured(
        lines(images(LIMITS.images.per_call_max + 1)),
        lines(images(LIMITS.images.per_call_max)),
        LIMITS.images.per_call_max + 1,
        LIMITS.images.per_call_max,
    ),
    "image-too-large": Measured(
        lines(images(1)),
        lines(images(1)),
        f"{LIMITS.images.size_bytes_max // MIB} MB",
        f"{LIMITS.images.size_bytes_max // MIB} MB",
        limited(images={"size_bytes_max": PNG_BYTES - 1}),
        limited(images={"size_bytes_max": PNG_BYTES}),
    ),
    "too-many-image-rows": Measured(
        lines(*(images(1, f"Which of {n}?") for n in range(3))),
        lines(*(images(1, f"Which of {n}?") for n in range(2))),
        LIMITS.images.rows_max + 1,
        LIMITS.images.rows_max,
        limited(images={"rows_max": 2}),
    ),
    "row-over-context": Measured(
        lines(chat(content="x" * (FITS + 1))), lines(chat(content="x" * FITS)), CONTEXT, CONTEXT
    ),
    "too-many-tokens": Measured(
        lines(**TWO_EPOCHS),
        lines(**TWO_EPOCHS),
        LIMITS.jobs.trained_tokens_max,
        LIMITS.jobs.trained_tokens_max,
        replace(limited(jobs={"trained_tokens_max": 100}), of_job={"early-hyperparameters": "off"}),
        Setting(of_job={"early-hyperparameters": "off"}),
    ),
    "few-validation-rows": Measured(
        VALIDATED,
        VALIDATED,
        LIMITS.guidance.validation_rows_min - 1,
        LIMITS.guidance.validation_rows_min,
        Setting(held_back=9),
        Setting(held_back=10),
    ),
    "few-rows": Measured(
        lines(*filling("supervised", 99)),
        lines(*filling("supervised", 100)),
        LIMITS.guidance.rows_to_learn - 1,
        LIMITS.guidance.rows_to_learn,
        ALONE,
    ),
}


@pytest.mark.parametrize("code", MEASURED)
def test_the_words_do_what_the_table_says(code: str, tmp_path: Path) -> None:
    """What the cells say in words is refused, and accepted, at the numbers that they name."""
    row, measured = TABLE[code], MEASURED[code]
    for cell, number in ((row.refused, measured.number), (row.accepted, measured.more)):
        told = f"{number:,}" if isinstance(number, int) else str(number)
        assert re.search(rf"(?<![\d,]){re.escape(told)}(?!,?\d)", cell), (told, cell)
    refuses(code, tmp_path, measured.refused, measured.setting)
    accepts(code, tmp_path, measured.accepted, measured.of_accepted)


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is an error, whoever runs the test and whatever he may read."""

    def refused(_path: Path, _length: int) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(check, "JsonlFile", refused)
    assert found(built(tmp_path, lines(), USUAL)) == {"unreadable-file": "error"}


def test_tokens_are_estimated_unless_there_is_an_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told where it is asked for, and where no encoder is at hand."""
    refuses("tokens-estimated", tmp_path, lines(), USUAL)
    for module in (walk, check, job_data):
        monkeypatch.setattr(module, "counter", lambda _encoding: lambda texts: [1 for _ in texts])
    (tmp_path / "data" / "train.jsonl").unlink()
    accepts("tokens-estimated", tmp_path, lines(chat()), USUAL)


def test_no_rule_is_left_out() -> None:
    """Every row of the table is tried by one of the tests above."""
    by_name = {"unreadable-file", "tokens-estimated"}
    assert set(ROWS) | MEASURED.keys() | by_name == TABLE.keys()
    assert not set(ROWS) & (MEASURED.keys() | by_name)


# --- the examples above the table

_section = re.compile(r"^### (?P<title>[^\n]+)$(?P<body>.*?)(?=^##)", re.MULTILINE | re.DOTALL)
_block = re.compile(r"^```(?P<language>\w+)$\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
METHODS = {"Preference rows": "dpo", "Reinforcement rows": "reinforcement"}
SECTIONS = {found["title"]: found["body"] for found in _section.finditer(DOCUMENT.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("title", SECTIONS)
def test_the_examples_of_formats_are_clean(title: str, tmp_path: Path) -> None:
    """What the document shows of a format is a file to which no rule objects, in a job as the document shows it."""
    blocks = [(block["language"], block["text"]) for block in _block.finditer(SECTIONS[title])]
    rows = [row for language, text in blocks if language == "jsonl" for row in text.splitlines()]
    job = {key: value for language, text in blocks if language == "yaml" for key, value in yaml.safe_load(text).items()}
    shown = Lines(rows=tuple(rows), job={**job, **({"validation_file": None} if job else {})})
    levels = {"validation-missing": "off"} if job else {}
    setting = Setting(METHODS.get(title, "supervised"), alone=True, rules=setting_of("constant-field").rules)
    assert rows and found(built(tmp_path, shown, replace(setting, of_job=levels))) == {}


def test_there_is_an_example_of_every_format() -> None:
    """Chat rows with all they may hold, preference rows and reinforcement rows."""
    assert list(SECTIONS) == ["Chat rows", "Tools", "Images", "Preference rows", "Reinforcement rows"]
