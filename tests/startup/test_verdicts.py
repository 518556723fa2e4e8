"""The cache of verdicts: what it answers is what a run without it prints, and any doubt is a miss."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ftops.cache import ENTRIES_MAX, ENTRY_BYTES_MAX, FOLDER, OFF, Cache, digest, seen
from ftops.cli import ROOT
from ftops.commands.checking import check
from ftops.commands.verdicts import PLAINLY, STRICTLY, Verdict, ask
from ftops.diagnostics import Diagnostic, Span
from ftops.testing import FakeClock

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "specs" / "quickstart"
LATER = timedelta(hours=1)
"""The clock of these tests is ahead of the files' times, which nothing but the system can set."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a scratch copy of an example."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "project"))


def cache_of(root: Path, at: datetime | None = None) -> Cache:
    """Return the project's cache on a clock that is ahead."""
    return Cache(root / FOLDER, FakeClock(at or datetime.now(UTC) + LATER))


def look(root: Path, *paths: str, at: datetime | None = None, strict: bool = False) -> Verdict:
    """Return what is found by looking, and keep it."""
    question = ask(cache_of(root, at), root, paths, STRICTLY if strict else PLAINLY)
    found = check(root, paths, lambda: b"", strict=strict)
    question.keep(found.verdict, found.data_files or ())
    return found.verdict


def known(root: Path, *paths: str) -> Verdict | None:
    """Return what is known without looking."""
    return ask(cache_of(root), root, paths).answer()


def append(path: Path, text: str) -> None:
    """Add a text at a file's end."""
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def data_file(root: Path) -> Path:
    """Return one of the project's data files."""
    return min((root / "data").iterdir())


def spec_file(root: Path) -> Path:
    """Return one of the project's spec files."""
    return min((root / "specs").iterdir())


def test_what_was_found_is_known_again(root: Path) -> None:
    """A second run over the same files gets the same values, without having looked."""
    assert known(root) is None
    found = look(root)
    assert found.rows and known(root) == found


def test_problems_are_known_again_with_all_they_say(root: Path) -> None:
    """Errors and warnings come back with place, words, severity and source line."""
    append(data_file(root), "\n\n")
    append(spec_file(root), "surprise: 1\n")
    found = look(root)
    assert {d.severity for d in found.diagnostics} == {"error", "warning"}
    assert any(d.excerpt for d in found.diagnostics)
    assert known(root) == found


def test_paths_in_rows_are_known_again(root: Path) -> None:
    """Where in its row a value stands is part of what was found."""
    place = Span("data/a.jsonl", 3, 40)
    found = Verdict((Diagnostic(place, "content-type", "X", "x", path="$.messages[2].content"),), 1, 1, 1, 1)
    ask(cache_of(root), root, ()).keep(found, ())
    assert known(root) == found


def touch_back(path: Path) -> None:
    """Change a byte and put size and modification time back as they were."""
    about = path.stat()
    text = path.read_bytes()
    path.write_bytes(text[:-3] + b" }\n")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert seen(path) is not None and path.stat().st_size == about.st_size


def swap(path: Path) -> None:
    """Put a copy in a file's place."""
    shutil.copy2(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def in_its_place(path: Path) -> None:
    """Put a folder in a file's place."""
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Callable[[Path], object]] = {
    "a spec says more": lambda root: append(spec_file(root), "# more\n"),
    "a spec is new": lambda root: (root / "specs" / "new.yaml").write_text("# nothing\n", encoding="utf-8"),
    "a spec is gone": lambda root: spec_file(root).unlink(),
    "a spec is renamed": lambda root: spec_file(root).rename(root / "specs" / "z.yaml"),
    "data grew": lambda root: append(data_file(root), "{}\n"),
    "data changed behind its times": lambda root: touch_back(data_file(root)),
    "data is another file": lambda root: swap(data_file(root)),
    "data is gone": lambda root: data_file(root).unlink(),
    "data is a folder": lambda root: in_its_place(data_file(root)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_any_change_is_a_miss(change: Callable[[Path], object], root: Path) -> None:
    """Whatever the verdict rests on, a change of it has to be looked at."""
    look(root)
    assert known(root) is not None
    change(root)
    assert known(root) is None


def test_other_paths_are_another_question(root: Path) -> None:
    """What is known of a folder says nothing of one of its files."""
    look(root)
    assert known(root, "specs/project.yaml") is None
    assert known(root, "-") is None


def test_a_verdict_is_good_for_a_day(root: Path) -> None:
    """Rules have dates, so tomorrow is another question."""
    look(root, at=datetime.now(UTC) - timedelta(days=1) + LATER)
    assert known(root) is None


def test_what_changed_a_moment_ago_is_not_kept(root: Path) -> None:
    """Within one tick of the file system's clock a file can change twice and look the same: git's rule."""
    look(root, at=datetime.now(UTC))
    assert known(root) is None


def test_what_changes_while_it_is_looked_at_is_not_kept(root: Path) -> None:
    """A spec that is saved during the run belongs to no verdict."""
    question = ask(cache_of(root), root, ())
    verdict, _, data_files = check(root, (), lambda: b"", strict=False)
    append(spec_file(root), "# saved meanwhile\n")
    question.keep(verdict, data_files or ())
    assert known(root) is None


@pytest.mark.parametrize(
    "rubbish",
    ["", "{", "[]", "null", "[" * 100_000, '{"key": 1}'],
    ids=["empty", "cut", "list", "null", "deep", "other"],
)
def test_a_broken_entry_is_a_miss(rubbish: str, root: Path) -> None:
    """Whatever stands in an entry, nothing but a miss comes of it."""
    look(root)
    for path in (root / FOLDER).glob("*.json"):
        path.write_text(rubbish, encoding="utf-8")
    assert known(root) is None


@pytest.mark.parametrize(
    "value", [None, 1, [], {}, {"data": {"x": 1}}, {"data": {}, "counts": [1], "diagnostics": [[]]}]
)
def test_an_entry_of_another_shape_is_a_miss(value: object, root: Path) -> None:
    """An entry with the right key and the wrong contents is one of nobody's."""
    question = ask(cache_of(root), root, ())
    question.cache.put(question.name, question.key or "", value)
    assert question.answer() is None


def test_entries_are_bounded_in_number_and_size(tmp_path: Path) -> None:
    """The oldest entries make room, and one that is too large is not kept."""
    cache = cache_of(tmp_path)
    for number in range(ENTRIES_MAX + 5):
        cache.put(str(number), "key", number)
    assert len(list((tmp_path / FOLDER).glob("*.json"))) <= ENTRIES_MAX
    cache.put("large", "key", "x" * ENTRY_BYTES_MAX)
    assert cache.get("large", "key") is None
    assert cache.get(str(ENTRIES_MAX + 4), "key") == ENTRIES_MAX + 4


def test_a_folder_that_cannot_be_written_is_no_problem(root: Path) -> None:
    """On a disk that cannot be written, nothing is kept and nothing fails."""
    (root / ".ftops").write_text("in the way", encoding="utf-8")
    look(root)
    assert known(root) is None


def test_the_environment_turns_it_off(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With FTOPS_NO_CACHE nothing is looked up and nothing is written."""
    monkeypatch.setenv(OFF, "1")
    assert CliRunner().invoke(ROOT, ["-C", str(root), "validate"], standalone_mode=False).return_value == 0
    assert not (root / ".ftops").exists()


def test_a_folder_without_project_gets_no_cache(tmp_path: Path) -> None:
    """Looking into somebody's folder leaves nothing there."""
    CliRunner().invoke(ROOT, ["-C", str(tmp_path), "validate"], standalone_mode=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--strict",),
        *(("--format", name, *strict) for name in ("json", "github", "sarif") for strict in ((), ("--strict",))),
    ],
    ids=" ".join,
)
def test_the_same_is_printed_with_and_without_it(
    options: tuple[str, ...], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No format and no exit code tells whether the answer was known."""
    append(data_file(root), "\n\n")
    command = ["-C", str(root), "validate", *options]
    monkeypatch.setenv(OFF, "1")
    fresh = CliRunner().invoke(ROOT, command, standalone_mode=False)
    monkeypatch.delenv(OFF)
    at = datetime.now(UTC) + timedelta(seconds=5)
    if at.date() != datetime.now(UTC).date():
        pytest.skip("the day ends in a moment, and verdicts are good for a day")
    look(root, at=at, strict="--strict" in options)
    opened: list[str] = []
    watch(opened)
    again = CliRunner().invoke(ROOT, command, standalone_mode=False)
    assert (again.output, again.return_value) == (fresh.output, fresh.return_value)
    assert not [name for name in opened if name.endswith(".jsonl")]


def watch(opened: list[str]) -> None:
    """Write down every file that is opened from now on; Python's audit hooks stay, so the list is what ends."""
    sys.addaudithook(lambda event, told: opened.append(str(told[0])) if event == "open" else None)


def test_lengths_are_part_of_a_digest() -> None:
    """Where one part ends and the next begins is told apart."""
    assert digest(["ab", "c"]) != digest(["a", "bc"])
