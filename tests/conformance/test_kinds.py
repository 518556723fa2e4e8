"""What every kind keeps to: what was made is found again, unchanged, and ends when it is told to, however often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ftops.apply.loop import _ended
from ftops.digest import owner_mark
from ftops.kinds import KINDS, KINDS_BY_WORD
from ftops.kinds.base import Item, Kind, rule_for
from ftops.model import Outcome, Resource, Verb
from ftops.planner.diff import changes
from ftops.testing import emulator_client

from .worlds import ACCOUNT, OWNER, World

WORDS = tuple(KINDS_BY_WORD)
ENDS = {"dataset": Verb.DELETE, "job": Verb.CANCEL, "deployment": Verb.DELETE}
"""How an object of each kind is brought to an end."""


def its(world: World, word: str) -> list[Resource]:
    """Return the world's resources of a kind; a kind without one is not tested, which fails."""
    found = [r for r in world.resources if r.address.kind == word]
    assert found
    return found


def test_the_world_declares_every_kind(world: World) -> None:
    """A new row in the table needs a resource in this world."""
    assert {r.address.kind for r in world.resources} == {kind.word for kind in KINDS.values()}


def test_it_converges_and_stays_so(done: World) -> None:
    """After passes with time between them nothing is left to do, and a further apply makes no write."""
    requests = len(done.emulator.log)
    left = done.apply()
    assert left.outcome is Outcome.CONVERGED
    assert {a.verb.value for a in left.actions} == {"keep"}
    assert all(line.startswith("GET ") for line in list(done.emulator.log)[requests:])


@pytest.mark.parametrize("word", WORDS)
def test_what_was_made_is_found_without_contradiction(done: World, word: str) -> None:
    """A listed object is claimed by its resource alone, contradicts nothing and differs in nothing."""
    kind = KINDS_BY_WORD[word]
    for resource in its(done, word):
        found = done.object_of(resource)
        assert kind.contradictions(resource, found, None) == ()
        assert changes(resource, found, kind.rules, {}) == ()
        others = [r for r in its(done, word) if r is not resource]
        assert not any(kind.claims(other, found, frozenset({OWNER})) for other in others)


@pytest.mark.parametrize("word", WORDS)
def test_reading_one_tells_what_listing_tells(done: World, word: str) -> None:
    """The read of one object shows the same object as the listing."""
    kind = KINDS_BY_WORD[word]
    for resource in its(done, word):
        listed = next(
            o for o in kind.observe(_listings(done, kind), ACCOUNT) if kind.claims(resource, o, frozenset({OWNER}))
        )
        read = kind.observe_one(done.client.call(kind.read(listed)).item, ACCOUNT)
        assert read == listed


def _listings(world: World, kind: Kind) -> dict[str, list[Item]]:
    return {name: world.client.list(each.call) for name, each in kind.listings().items()}


@pytest.mark.parametrize("word", WORDS)
def test_markers_survive_the_service(done: World, word: str) -> None:
    """The marker of what was made is read back as it was sent."""
    for resource in its(done, word):
        assert done.object_of(resource).marker == resource.marker


@pytest.mark.parametrize("word", WORDS)
def test_another_project_sees_only_foreign_objects(done: World, word: str) -> None:
    """Nothing of ours is claimed under another owner."""
    kind = KINDS_BY_WORD[word]
    stranger = frozenset({owner_mark("somebody-else")})
    for found in done.live().objects:
        if found.kind == word:
            assert not any(kind.claims(r, found, stranger) for r in its(done, word))


@pytest.mark.parametrize("word", WORDS)
def test_every_field_has_a_rule(world: World, word: str) -> None:
    """Changing any declared field has a stated effect."""
    kind = KINDS_BY_WORD[word]
    for resource in its(world, word):
        assert all(rule_for(kind.rules, name).why for name in resource.fields)


@pytest.mark.parametrize("word", WORDS)
def test_listings_are_reads(word: str) -> None:
    """Looking changes nothing, and a kind has at least one listing without which nothing is written."""
    listings = KINDS_BY_WORD[word].listings()
    assert all(each.call.reads for each in listings.values())
    assert any(each.needed for each in listings.values())


@pytest.mark.parametrize("word", WORDS)
def test_a_write_is_one_call(world: World, word: str) -> None:
    """A create is a single call that is no read."""
    kind = KINDS_BY_WORD[word]
    for resource in its(world, word):
        assert not kind.create(resource, {}).reads


@pytest.mark.parametrize("word", ENDS)
def test_ending_twice_is_fine(world: World, word: str) -> None:
    """What has ended, or is gone, by itself or by us, is as good as ended."""
    world.converge() if word == "deployment" else world.apply()
    world.emulator.advance(timedelta(minutes=1))
    run = world.run()
    live = run.observe()
    found = next(o for o in live.objects if o.kind == word and o.marker is not None)
    for _ in range(3):
        live = _ended(run, found, ENDS[word], live)
        assert not [o for o in live.objects if o.kind == word and o.id == found.id and o.phase.alive]


@pytest.mark.parametrize("word", ENDS)
def test_ending_what_never_was_is_fine(world: World, word: str) -> None:
    """An id that the service does not know is gone already."""
    world.converge() if word == "deployment" else world.apply()
    run = world.run()
    live = run.observe()
    found = next(o for o in live.objects if o.kind == word and o.marker is not None)
    ghost = replace(found, id=found.id[:-8] + "0" * 8)
    assert found in _ended(run, ghost, ENDS[word], live).objects


@pytest.mark.parametrize("word", WORDS)
def test_another_account_is_empty(done: World, word: str) -> None:
    """Objects are observed in their own account only."""
    west = emulator_client(done.emulator, "west", "swedencentral")
    kind = KINDS_BY_WORD[word]
    listings = {name: west.list(each.call) for name, each in kind.listings().items()}
    assert [o for o in kind.observe(listings, "west") if o.marker is not None] == []


def test_upload_digests_do_not_depend_on_line_ends(done: World, tmp_path: Path) -> None:
    """A file saved with other line ends is the same dataset, so nothing is uploaded or trained again."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n"))
    again = World(tmp_path, emulator=done.emulator)
    again.add_all()
    assert again.plan().outcome is Outcome.CONVERGED
