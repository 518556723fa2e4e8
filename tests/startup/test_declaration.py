"""What the specs declare, kept between runs: known is what looking would find, and any doubt is a miss."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ftops.cache import FOLDER, LARGE_BYTES_MAX, LARGE_ENTRIES_MAX, OFF, Cache
from ftops.cli import ROOT
from ftops.commands import declaration
from ftops.commands.declaration import ASKED, Declaration
from ftops.commands.verdicts import Question, ask
from ftops.errors import SpecError
from ftops.kinds.envelope import Finding
from ftops.testing import FakeClock

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "specs"
CASES = sorted((e.name, s.name) for e in EXAMPLES.iterdir() if e.is_dir() for s in e.iterdir() if s.match("specs*"))
"""Each example, and each of its folders of specs."""
FINDING = Finding(("spec", "accounts"), "bad-value", "Value not allowed", "A finding.", on_key=True)
MOMENT = timedelta(seconds=5)
"""The clock of these tests is ahead of the files' times, which nothing but the system can set."""


@pytest.fixture(params=CASES, ids="/".join)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a scratch copy of an example with one of its folders of specs."""
    example, specs = request.param
    copy = Path(shutil.copytree(EXAMPLES / example, tmp_path / "project", ignore=shutil.ignore_patterns("specs*")))
    shutil.copytree(EXAMPLES / example / specs, copy / "specs")
    return copy


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    """Return a scratch copy of the smallest example."""
    return Path(shutil.copytree(EXAMPLES / "quickstart", tmp_path / "project"))


def question(root: Path, *paths: str, at: datetime | None = None) -> Question:
    """Return what a command asks a moment later."""
    now = datetime.now(UTC)
    if (now + MOMENT).date() != now.date():
        pytest.skip("the day ends in a moment, and what is known is good for a day")
    return ask(Cache(root / FOLDER, FakeClock(at or now + MOMENT)), root, paths, ASKED)


def known(root: Path, *paths: str, at: datetime | None = None) -> Declaration | None:
    """Return what is known without looking."""
    return declaration.known(question(root, *paths, at=at), paths)


def entry(root: Path) -> Path:
    """Return the one entry that is kept."""
    (found,) = (root / FOLDER).glob("*.large")
    return found


def append(path: Path, text: str) -> None:
    """Add a text at a file's end."""
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def spelled(value: object) -> str:
    """Return what Python prints for a value, which tells 1 from 1.0 as equality does not, with its sets in order."""
    return re.sub(r"(?<=frozenset\(\{)[^}]*", lambda found: ", ".join(sorted(found[0].split(", "))), repr(value))


def test_what_was_found_is_known_again(root: Path) -> None:
    """Project, resources with their places, and warnings come back as they were."""
    assert known(root) is None
    found, again = declaration.look(question(root), ()), known(root)
    assert again is not None and found.desired.resources
    assert (again.project, again.desired, again.warnings) == (found.project, found.desired, found.warnings)
    assert spelled(again.desired.resources) == spelled(found.desired.resources)
    assert again.project.model_fields_set == found.project.model_fields_set
    assert again.point(FINDING) == found.point(FINDING)


@pytest.mark.parametrize("options", [(), ("--format", "json"), ("--format", "markdown", "--show-unchanged")])
def test_the_same_is_printed_with_and_without_it(
    options: tuple[str, ...], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan's words, its places, its warnings and its exit code do not tell whether the specs were read."""
    append(next(iter(sorted((root / "data").glob("*.jsonl")))), "\n\n")
    command = ["-C", str(root), "plan", *options]
    monkeypatch.setenv(OFF, "1")
    fresh = CliRunner().invoke(ROOT, command, standalone_mode=False)
    monkeypatch.delenv(OFF)
    assert declaration.look(question(root), ()).warnings
    opened: list[str] = []
    watch(opened)
    again = CliRunner().invoke(ROOT, command, standalone_mode=False)
    assert (again.stdout, again.stderr, again.return_value) == (fresh.stdout, fresh.stderr, fresh.return_value)
    assert "warning" in again.stderr and again.stdout
    assert not [name for name in opened if name.endswith(".jsonl") and "journal" not in name]


def watch(opened: list[str]) -> None:
    """Write down every file that is opened from now on; Python's audit hooks stay, so the list is what ends."""
    sys.addaudithook(lambda event, told: opened.append(str(told[0])) if event == "open" else None)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a spec says more": lambda root: append(root / "specs" / "project.yaml", "# more\n"),
    "a spec is new": lambda root: (root / "specs" / "new.yaml").write_text("# nothing\n", encoding="utf-8"),
    "data grew": lambda root: append(min((root / "data").iterdir()), "{}\n"),
    "data is gone": lambda root: min((root / "data").iterdir()).unlink(),
    "the project is elsewhere": lambda root: (root / "specs").rename(root / "other"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_any_change_is_a_miss(change: Callable[[Path], object], quickstart: Path) -> None:
    """Whatever a declaration rests on, a change of it has to be looked at."""
    declaration.look(question(quickstart), ())
    assert known(quickstart) is not None
    change(quickstart)
    assert known(quickstart) is None


def test_the_environment_and_the_day_are_part_of_the_question(
    quickstart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that specs may name, and the day of the rules, make another question of it."""
    declaration.look(question(quickstart), ())
    assert known(quickstart, at=datetime.now(UTC) + timedelta(days=1)) is None
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://other.openai.azure.com")
    assert known(quickstart) is None


def test_what_changed_a_moment_ago_is_not_kept(quickstart: Path) -> None:
    """Within one tick of the file system's clock a data file can change twice and look the same: git's rule."""
    declaration.look(question(quickstart, at=datetime.now(UTC)), ())
    assert not list((quickstart / FOLDER).glob("*.large"))


def test_what_has_errors_is_told_and_not_kept(quickstart: Path) -> None:
    """A project with an error declares nothing."""
    append(quickstart / "specs" / "project.yaml", "surprise: 1\n")
    with pytest.raises(SpecError):
        declaration.look(question(quickstart), ())
    assert not list((quickstart / FOLDER).glob("*.large"))


def test_the_environment_turns_it_off(quickstart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With FTOPS_NO_CACHE nothing is looked up and nothing is written."""
    monkeypatch.setenv(OFF, "1")
    assert CliRunner().invoke(ROOT, ["-C", str(quickstart), "plan"], standalone_mode=False).return_value == 0
    assert not (quickstart / FOLDER).exists()


@pytest.mark.parametrize("place", [0, 0.1, 0.5, 0.999], ids=str)
@pytest.mark.parametrize("how", ["flipped", "cut"])
def test_a_damaged_entry_is_a_miss(place: float, how: str, quickstart: Path) -> None:
    """One bit that is not as it was written, wherever it is, makes the whole entry worth nothing."""
    declaration.look(question(quickstart), ())
    path = entry(quickstart)
    data = bytearray(path.read_bytes())
    at = int(len(data) * place)
    data[at] ^= 1
    path.write_bytes(data if how == "flipped" else data[:at])
    assert known(quickstart) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"[{},1,{},[]]", b'["\xff"]'])
def test_an_entry_of_another_shape_is_a_miss(body: bytes, quickstart: Path) -> None:
    """An entry with the right key and the wrong contents is one of nobody's."""
    declaration.look(question(quickstart), ())
    asked = question(quickstart)
    asked.cache.put_large(asked.name, declaration._key(asked, asked.key or ""), body)
    assert entry(quickstart).stat().st_size == len(body) + 64
    assert known(quickstart) is None


def test_what_would_not_come_back_equal_is_not_kept(quickstart: Path) -> None:
    """A number too large for the form of an entry, as a label may have one, costs the entry and nothing else."""
    path = quickstart / "specs" / "project.yaml"
    text = path.read_text(encoding="utf-8")
    assert "metadata:" in text
    label = "{labels: {n: " + "9" * 40 + "}, name: numbers-3k9d}"
    lines = [f"metadata: {label}" if line.startswith("metadata:") else line for line in text.splitlines()]
    kept = [line for line in lines if not line.startswith("  name:")]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    found = declaration.look(question(quickstart), ())
    assert found.project.metadata.labels == {"n": int("9" * 40)}
    again = known(quickstart)
    assert again is None or again.project == found.project


def test_large_entries_are_bounded_in_number_and_size(tmp_path: Path) -> None:
    """The oldest entries make room, and one that is too large is not kept; small ones are counted apart."""
    cache = Cache(tmp_path / FOLDER, FakeClock(datetime.now(UTC)))
    cache.put("small", "key", 1)
    for number in range(LARGE_ENTRIES_MAX + 3):
        cache.put_large(str(number), "key", b"%d" % number)
    assert len(list((tmp_path / FOLDER).glob("*.large"))) <= LARGE_ENTRIES_MAX
    cache.put_large("large", "key", bytes(LARGE_BYTES_MAX + 1))
    assert cache.get_large("large", "key") is None
    assert cache.get_large(str(LARGE_ENTRIES_MAX + 2), "key") == b"%d" % (LARGE_ENTRIES_MAX + 2)
    assert cache.get("small", "key") == 1
