"""The lease: one writer, named to the second one, and gone with its holder however that dies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ftops.apply.lease import local_lease
from ftops.errors import JournalBroken, LeaseHeld

HOLDER = """
import sys
from pathlib import Path
from ftops.apply.lease import local_lease
with local_lease(Path(sys.argv[1]), 0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_with_the_firsts_name(tmp_path: Path) -> None:
    """Who waits in vain learns which process on which machine is writing."""
    with local_lease(tmp_path, 0), pytest.raises(LeaseHeld) as caught, local_lease(tmp_path, 0):
        raise AssertionError
    assert f"process {os.getpid()} on {socket.gethostname()}" in str(caught.value)


def test_the_lease_ends_with_its_block(tmp_path: Path) -> None:
    """After the block the next one gets it, also after an error inside; no note stays behind."""
    with pytest.raises(KeyError), local_lease(tmp_path, 0):
        raise KeyError
    assert not (tmp_path / "lease.json").exists()
    with local_lease(tmp_path, 0):
        assert (tmp_path / "lease.json").exists()


def test_the_folder_is_made(tmp_path: Path) -> None:
    """The first apply of a project makes its folder."""
    with local_lease(tmp_path / "project" / ".ftops", 0):
        assert (tmp_path / "project" / ".ftops").is_dir()


def test_two_projects_do_not_hinder_each_other(tmp_path: Path) -> None:
    """A lease is one folder's."""
    with local_lease(tmp_path / "a", 0), local_lease(tmp_path / "b", 0):
        assert (tmp_path / "a" / "lease.json").exists()


def test_the_lease_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """While a child holds it nobody else gets it; once the child was killed, the next one does, stale note or not."""
    child = subprocess.Popen(  # noqa: S603  our own interpreter and text
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeld, match=f"process {child.pid} on "), local_lease(tmp_path, 0):
            raise AssertionError
        child.kill()
        child.wait(timeout=10)
        assert (tmp_path / "lease.json").exists()
        with local_lease(tmp_path, 5):
            assert str(os.getpid()) in (tmp_path / "lease.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("note", [None, "", "{", "[]", '{"pid": 1}', "null"])
def test_a_holder_without_a_readable_note_is_still_refused(tmp_path: Path, note: str | None) -> None:
    """The lock decides, the note only names; what cannot be read is said to be unknown."""
    with local_lease(tmp_path, 0):
        path = tmp_path / "lease.json"
        path.unlink()
        if note is not None:
            path.write_text(note, encoding="utf-8")
        with pytest.raises(LeaseHeld, match="it has not said which"), local_lease(tmp_path, 0):
            raise AssertionError


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file in the folder's place is a problem with a name."""
    (tmp_path / "x").write_text("", encoding="utf-8")
    with pytest.raises(JournalBroken, match="cannot be written"), local_lease(tmp_path / "x" / "y", 0):
        raise AssertionError
