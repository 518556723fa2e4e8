"""Contents at hand: what was kept, what is a file of the project, what is neither; and what is kept for later."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import ftops.data
from ftops import versions as effects
from ftops.cache import FOLDER, Cache
from ftops.data import Reading, check_rows
from ftops.data import cache as data_cache
from ftops.data import difference as counting
from ftops.data.cache import Known, Version, keep_version, known_from, known_version
from ftops.data.check import Checked
from ftops.data.index import RowIndex
from ftops.difference import Difference
from ftops.kinds import KINDS_BY_WORD
from ftops.model import LiveState, Resource
from ftops.rules import load_rules
from ftops.testing import FakeClock
from ftops.versions import Versions

from .builders import context, desired, document, job, live, trained, uploaded

LIMITS = load_rules().limits
ROWS = [f"row {number}" for number in range(20)]


class World:
    """A folder with data files, its cache, and how often a file is read for its numbers."""

    def __init__(self, root: Path, *, cached: bool = True) -> None:
        """Begin without a file."""
        self.root, self.reads = root, 0
        self.cache = Cache(root / FOLDER if cached else None, FakeClock())
        self.versions = Versions(self.cache, LIMITS)

    def write(self, rows: list[str], name: str = "train") -> Resource:
        """Write a file and return its dataset, as a plan that read it declares it."""
        path = self.root / f"{name}.jsonl"
        lines = [
            {"messages": [{"role": "user", "content": row}, {"role": "assistant", "content": f"{row}!"}]}
            for row in rows
        ]
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        found = check_rows(path, name, LIMITS, Reading("chat")).report
        facts = {
            "digest": found.digest,
            "path": str(path),
            "size_bytes": found.size_bytes,
            "format": "chat",
            "encoding": "",
            "rows": found.rows,
            "tokens": found.tokens,
        }
        made = document("Dataset", name, {"file": f"{name}.jsonl"})
        return KINDS_BY_WORD["dataset"].resource(made, context(facts=facts))

    def keep(self, data: Resource, row_format: str = "chat", **changes: object) -> None:
        """Keep the numbers of a file, as a plan that reads it does; `changes` are those of what stands beside them."""
        reading = Reading(row_format, identities=True)
        found = known_from(check_rows(Path(str(data.facts["path"])), "", LIMITS, reading), row_format)
        version = Version(**{name: getattr(found.version, name) for name in Version.__struct_fields__} | changes)
        keep_version(self.cache, Known(version, found.numbers))

    def after(self, old: Resource, new: Resource, *others: Resource) -> LiveState:
        """Return what a plan sees in which a job is to be trained with other data than its previous version."""
        there = live(uploaded(old), trained(job("a", old)))
        return self.versions.compared(desired(new, *others, job("a", new)), there)

    def difference(self, old: Resource, new: Resource, *others: Resource) -> Difference | None:
        """Return what that plan knows of the difference."""
        found = self.after(old, new, *others).differences
        assert set(found) <= {(old.marker.digest, new.marker.digest)}
        return next(iter(found.values()), None)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give an empty folder, in which reading is counted."""
    made = World(tmp_path)
    count(made, monkeypatch)
    return made


def count(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count how often a file is read for the numbers of its rows."""

    def counted(path: Path, shown: str, *rest: object) -> Checked:
        made.reads += 1
        return check_rows(path, shown, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ftops.data, "check_rows", counted)


def test_a_file_that_was_edited_in_place_is_compared_with_what_was_kept(world: World) -> None:
    """The former content is in no file any more; what its rows said in numbers is."""
    old = world.write(ROWS)
    world.keep(old)
    new = world.write([*reversed(ROWS)])
    found = world.difference(old, new)
    assert found is not None and found.same
    assert (found.before, found.after, found.kept) == (old.digest, new.digest, 20)
    assert world.reads == 1


def test_a_pair_is_compared_once_in_a_run(world: World) -> None:
    """All passes of a run see what the first one saw, whatever has become of the files and of the cache."""
    old = world.write(ROWS)
    world.keep(old)
    new = world.write(ROWS[1:])
    first, reads = world.difference(old, new), world.reads
    for entry in (world.root / FOLDER).iterdir():
        entry.unlink()
    (world.root / "train.jsonl").unlink()
    assert world.difference(old, new) is first is not None
    assert world.reads == reads
    other = World(world.root)
    assert other.difference(old, new) is None
    other.keep(world.write(ROWS))
    world.write(ROWS[1:])
    assert other.difference(old, new) is None  # It was not at hand when this run began.


def test_two_files_of_the_project_need_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the cache turned off both are read, and nothing is written."""
    world = World(tmp_path, cached=False)
    count(world, monkeypatch)
    old, new = world.write(ROWS, "w40"), world.write([*ROWS[2:], "more"], "w41")
    found = world.difference(old, new, old)
    assert found is not None
    assert (found.added, found.removed, found.changed, found.kept) == (1, 2, 0, 18)
    assert world.reads == 2
    assert not (tmp_path / FOLDER).exists()
    assert world.difference(world.write(["gone"] * 3, "w39"), new) is None


def folder_in_place_of(path: Path) -> None:
    """Put a folder where a file was."""
    path.unlink()
    path.mkdir()


NOT_AT_HAND: dict[str, Callable[[World, Resource], object]] = {
    "changed": lambda world, new: world.write(ROWS[:5], new.address.name),
    "gone": lambda _, new: Path(str(new.facts["path"])).unlink(),
    "a folder": lambda _, new: folder_in_place_of(Path(str(new.facts["path"]))),
}


@pytest.mark.parametrize("happens", NOT_AT_HAND.values(), ids=NOT_AT_HAND.keys())
def test_a_file_that_is_not_what_was_checked_is_not_at_hand(
    happens: Callable[[World, Resource], object], world: World
) -> None:
    """What became of a file since it was checked is for the upload to tell; here it only says less."""
    old = world.write(ROWS)
    world.keep(old)
    new = world.write(ROWS[1:])
    happens(world, new)
    assert world.difference(old, new) is None


def test_a_pinned_content_is_never_read(world: World) -> None:
    """A file of which nothing but the digest is known is no reading matter; what was kept of it before counts."""
    old = world.write(ROWS)
    world.keep(old)
    new = world.write(ROWS[1:])
    pinned = replace(new, facts={name: new.facts[name] for name in ("digest", "path", "size_bytes")})
    assert world.difference(old, pinned) is None
    assert world.reads == 0
    world.keep(new)
    assert World(world.root).difference(old, pinned) is not None


def test_rows_of_another_format_are_not_compared(world: World) -> None:
    """Numbers of chat rows and of preference rows say nothing of each other, so there is nothing to tell."""
    old = world.write(ROWS)
    world.keep(old, "dpo")
    assert world.difference(old, world.write(ROWS[1:])) is None


def test_what_was_kept_in_another_format_is_read_anew(world: World) -> None:
    """A file that is still there is read as its dataset is, in place of what was once made of it."""
    old, new = world.write(ROWS, "w40"), world.write(ROWS[1:], "w41")
    world.keep(old, "dpo")
    assert world.difference(old, new, old) is not None
    kept = known_version(world.cache, old.digest)
    assert kept is not None and kept.version.row_format == "chat"


def test_tokens_are_counted_alike_where_that_is_possible(world: World) -> None:
    """A former file that is there is counted as the new one is; one that is gone has the count that was kept."""
    old, new = world.write(ROWS, "w40"), world.write(ROWS[1:], "w41")
    world.keep(old, encoding="another", tokens=1)
    found = world.difference(old, new, old)
    assert found is not None and found.alike and found.tokens < 0
    world.keep(old, encoding="another", tokens=1)
    found = World(world.root).difference(old, new)
    assert found is not None and not found.alike and found.tokens_before == 1


def damage(cache: Cache) -> None:
    """Cut every lasting entry."""
    assert cache.folder is not None
    for entry in cache.folder.glob("*.lasting"):
        entry.write_bytes(entry.read_bytes()[:-1])


def test_what_is_damaged_is_not_at_hand(world: World) -> None:
    """A damaged entry is a former content that nobody knows any more; a later reading puts it right."""
    old = world.write(ROWS)
    world.keep(old)
    damage(world.cache)
    assert world.difference(old, world.write(ROWS[1:])) is None
    world.keep(world.write(ROWS))
    assert known_version(world.cache, old.digest) is not None


def test_no_room_for_temporary_files_fails_no_plan(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk while comparing is one more reason to know nothing."""

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    old = world.write(ROWS)
    world.keep(old)
    new = world.write(ROWS[1:])
    monkeypatch.setattr(counting, "compared", full)
    assert world.difference(old, new) is None
    monkeypatch.setattr(RowIndex, "append", full)
    assert World(world.root).difference(old, new) is None


def test_too_many_rows_are_not_kept_and_not_read_for_it_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a very large content only that it is too large is known; as files of the project two such are compared."""
    monkeypatch.setattr(data_cache, "LASTING_ROWS_BYTES_MAX", 100)
    old = world.write(ROWS, "w40")
    for _ in range(3):
        Versions(world.cache, LIMITS).compared(desired(old, job("a", old)), live(uploaded(old), trained(job("a", old))))
    assert world.reads == 1
    assert known_version(world.cache, old.digest) is None
    new = world.write(ROWS[1:], "w41")
    found = world.difference(old, new, old)
    assert found is not None and found.removed == 1


# --- what is kept for later


def test_what_is_in_service_is_kept_when_it_is_missing(world: World) -> None:
    """A content that is known without having been read for its numbers is read once, if it is a version in service."""
    data, other = world.write(ROWS), world.write(ROWS[1:], "other")
    wanted = desired(data, other, job("a", data))
    assert world.versions.compared(wanted, live()) == live()
    assert world.reads == 0
    there = live(uploaded(data), trained(job("a", data)))
    for _ in range(2):
        assert world.versions.compared(wanted, there).differences == {}
    assert world.reads == 1
    assert known_version(world.cache, data.digest) is not None
    assert known_version(world.cache, other.digest) is None
    again = World(world.root)
    again.versions.compared(wanted, there)
    assert world.reads == 1


def test_many_versions_are_not_read_to_push_each_other_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more of them than can be kept in peace, what is kept is what was read anyway."""
    monkeypatch.setattr(effects, "KEPT_AGAIN_MAX", 1)
    data, other = world.write(ROWS), world.write(ROWS[1:], "other")
    wanted = desired(data, other, job("a", data), job("b", other))
    world.versions.compared(wanted, live(uploaded(data), uploaded(other)))
    assert world.reads == 0


def test_a_count_that_changed_is_kept_anew(world: World) -> None:
    """The same content with other tokens, as another model counts them, replaces what was kept."""
    data = world.write(ROWS)
    world.keep(data, tokens=1)
    (entry,) = (world.root / FOLDER).glob("*.lasting")
    look = entry.stat().st_mtime_ns, entry.stat().st_ino
    world.keep(data, tokens=1)
    assert (entry.stat().st_mtime_ns, entry.stat().st_ino) == look
    world.keep(data, tokens=2)
    kept = known_version(world.cache, data.digest[:16])
    assert kept is not None and kept.version.tokens == 2
