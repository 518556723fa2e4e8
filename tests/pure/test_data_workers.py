"""Several processes over one file: what they find is what one finds, also if some of them die."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftops.data import Reading, check_rows, workers
from ftops.data.check import Checked
from ftops.data.jsonl import BLOCK_BYTES, JsonlFile, stretches
from ftops.data.report import Gathered
from ftops.data.workers import PROCESSES, WORTH_BYTES, Indexes, processes, walk_together, worth_workers

from .data_oracle import BOM, LIMITS, lines_in, plain_digest, walked
from .data_rows import PROMPT, image, said, written

pytestmark = pytest.mark.skipif(os.name != "posix", reason="helpers share a pipe, which only POSIX lets them")

STEP = 2_000
POPEN = subprocess.Popen
CHAT = Reading("chat", contexts=(8, 32), identities=True)


def rows() -> list[bytes]:
    """Return lines of many kinds: sound, broken, blank, long, repeated, with prompts, tools and pictures."""
    made: list[bytes] = []
    for n in range(300):
        asked = said("user", f"Where is {n % 250}?")
        row = {"messages": [said("system", f"{PROMPT} {n // 60}"), asked, said("assistant", "y" * (n % 90 + 1))]}
        made += [
            written(row),
            *([b""] if n % 31 == 0 else []),
            *([b'{"messages": [', b"\xff", b"7"] if n % 37 == 0 else []),
            *([written(row | {"meta": n})] if n % 41 == 0 else []),
            *([b"x" * 5 * STEP] if n == 120 else []),
            *(
                [written({"messages": [said("user", [image("https://a.example")]), said("assistant", "a")]})]
                * (n == 77)
            ),
        ]
    return made


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of many small stretches, with a mark, CRLF in places and no last line end."""
    monkeypatch.setattr(workers, "STRETCH_BYTES", STEP)
    path = tmp_path / "rows.jsonl"
    made = rows()
    path.write_bytes(BOM + b"\n".join(made[:90]) + b"\n" + b"\r\n".join(made[90:]))
    return path


class Source(JsonlFile):
    """A file whose digest is done once the helpers have ended, so that all they can do they have done."""

    def __init__(self, path: Path, helpers: list[subprocess.Popen[bytes]]) -> None:
        """Name the file, and the list that helpers are put into as they begin."""
        super().__init__(path, LIMITS.reading.line_bytes_max)
        self._helpers = helpers

    def digest_only(self) -> None:
        """Wait for the helpers first."""
        for helper in self._helpers:
            helper.wait(timeout=60)
        super().digest_only()


Together = Callable[..., tuple[Gathered, bytes, bytes]]

KILLED = """
import os, signal, sys
from ftops.data import workers
from ftops.rules import load_rules

taken, dies_at, cut = [], int(sys.argv[1]), int(sys.argv[2])
plainly = workers.walked

def walked(path, number, *rest):
    taken.append(number)
    if len(taken) == dies_at:
        sys.stdout.buffer.write(b"\\xff\\0\\0\\0half a result"[:cut])
        sys.stdout.buffer.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return plainly(path, number, *rest)

workers.walked = walked
workers.serve(sys.stdin.buffer, sys.stdout.buffer, load_rules().limits)
"""
GARBLED = """
import os, sys

sys.stdout.buffer.write(b"\\x01\\0\\0\\0\\xc1" + b"x" * 1_000_000)
sys.stdout.buffer.flush()
"""


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Together:
    """Return a function that walks over a file with helpers that have ended before this process begins."""
    started: list[subprocess.Popen[bytes]] = []

    def walk(
        path: Path, reading: Reading, count: int = 2, program: tuple[str, ...] = ()
    ) -> tuple[Gathered, bytes, bytes]:
        def popen(command: list[str], **more: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - handed on
            instead = [*command[:2], "-c", *program] if program else command
            started.append(POPEN(instead, **more))
            return started[-1]

        monkeypatch.setattr(subprocess, "Popen", popen)
        monkeypatch.setenv(PROCESSES, str(count))
        source, indexes = Source(path, [] if "x" in program else started), Indexes.empty()
        gathered = walk_together(path, source, LIMITS, reading, indexes)
        assert source.digest == plain_digest(path.read_bytes()) and source.size_bytes == path.stat().st_size
        assert len(started) == count - 1 and all(helper.returncode is not None for helper in started)
        return gathered, b"".join(indexes.marks.blocks()), b"".join(indexes.identities.blocks())

    return walk


def alone(path: Path, reading: Reading) -> tuple[Gathered, bytes, bytes]:
    """Return what one walk over the whole file gives."""
    return walked([lines_in(path.read_bytes())], reading)


# --- the same results


@pytest.mark.parametrize(("row_format", "count"), [("chat", 1), ("chat", 4), ("dpo", 2), ("rft", 2)])
def test_together_as_alone(file: Path, together: Together, row_format: str, count: int) -> None:
    """Several processes find what one finds, in every field and number, whichever of them took a stretch."""
    reading = Reading(row_format, contexts=(8, 32), fields=(("answer",),), identities=True)
    assert together(file, reading, count) == alone(file, reading)


def test_together_as_alone_by_the_rules(file: Path, together: Together) -> None:
    """So they do when every row goes through the rules and tokens are counted exactly, if they can be here."""
    reading = Reading("chat", encoding="o200k_base", strict=True)
    assert together(file, reading) == alone(file, reading)


@pytest.mark.parametrize("cut", [0, 2, 9])
@pytest.mark.parametrize("dies_at", [1, 5])
def test_a_helper_is_killed(file: Path, together: Together, dies_at: int, cut: int) -> None:
    """What a helper had taken when it was killed, even in the middle of a result, is done by this process."""
    assert together(file, CHAT, 2, (KILLED, str(dies_at), str(cut))) == alone(file, CHAT)


def test_a_helper_cannot_start(file: Path, together: Together) -> None:
    """If no helper comes about, this process does everything."""
    assert together(file, CHAT, 3, ("raise SystemExit(3)",)) == alone(file, CHAT)


def test_a_helper_talks_nonsense(file: Path, together: Together) -> None:
    """A helper whose output is none, and who is stuck in writing it, keeps nobody waiting."""
    assert together(file, CHAT, 2, (GARBLED, "x")) == alone(file, CHAT)


def test_files_above_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is worth two processes has the same report with two as with one; the environment says how many."""
    long = [written({"messages": [said("user", "x" * 2000), said("assistant", f"{n}")]}) for n in range(900)]
    path, lines = tmp_path / "rows.jsonl", b"\n".join([*long, *rows(), b""])
    path.write_bytes(lines * (1 + WORTH_BYTES // len(lines)))
    found: dict[int, Checked] = {}
    for count in (1, 2):
        monkeypatch.setenv(PROCESSES, str(count))
        assert (processes(), worth_workers(path, Reading("chat"))) == (count, count > 1)
        found[count] = check_rows(path, "rows", LIMITS, Reading("chat"))
    assert found[1].report == found[2].report and found[1].report.rows > 25_000
    assert found[1].report.digest == plain_digest(path.read_bytes())


# --- stretches


@given(
    lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=30),
    step=st.integers(1, 90),
    last=st.booleans(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stretches_are_the_file(tmp_path: Path, lines: list[bytes], step: int, last: bool) -> None:
    """Stretches of any size follow each other to the end of the file, each begins a line, and none of them is empty."""
    content, path = b"\n".join(lines) + b"\n" * last, tmp_path / "rows.jsonl"
    path.write_bytes(content)
    parts = list(stretches(path, len(content), step))
    assert [part.begin for part in parts] == [0, *(part.end for part in parts[:-1])][: len(parts)]
    assert all(part.end is not None and part.end > part.begin for part in parts)
    assert not parts or parts[-1].end == len(content)
    assert all(content[part.begin - 1 : part.begin] == b"\n" for part in parts[1:])
    read = [line for part in parts for batch in JsonlFile(path, 999, part).batches() for line in batch.lines]
    assert read == lines_in(content)


@pytest.mark.parametrize("off", range(-2, 3))
@pytest.mark.parametrize("line", [b"", b"{", b"7" * 40, b"x" * (2 * BLOCK_BYTES), b" \r"], ids=len)
def test_lines_at_the_border(
    tmp_path: Path, together: Together, monkeypatch: pytest.MonkeyPatch, off: int, line: bytes
) -> None:
    """A blank, broken or long line that stands where one stretch ends and the next begins is told of once."""
    monkeypatch.setattr(workers, "STRETCH_BYTES", STEP)
    good = written({"messages": [said("user", "a"), said("assistant", "b")]})
    first = good + b" " * (STEP - len(good) + off)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([first, line, line, good, first, line]))
    reading = Reading("chat", identities=True)
    assert together(path, reading, 1) == alone(path, reading)


def test_no_more_stretches_than_a_pipe_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers of all stretches fit into a pipe that nobody reads yet: larger files have larger ones."""
    monkeypatch.setattr(workers, "STRETCH_BYTES", 1)
    monkeypatch.setenv(PROCESSES, "1")
    path, reading = tmp_path / "rows.jsonl", Reading("chat")
    path.write_bytes(b"\n" * (workers.STRETCHES_MAX + 3))
    gathered = walk_together(path, JsonlFile(path, 9), LIMITS, reading, Indexes.empty())
    assert gathered == alone(path, reading)[0]


@pytest.mark.parametrize(("said_", "found"), [("1", 1), ("2", 2), ("99", 4), ("0", 1), ("x", 3), ("", 3), ("²", 3)])
def test_how_many_processes(monkeypatch: pytest.MonkeyPatch, said_: str, found: int) -> None:
    """The environment says how many processes walk, up to a few; without a number cores are asked."""
    monkeypatch.setenv(PROCESSES, said_)
    monkeypatch.setattr(workers, "_spare_cores", lambda: 3)
    assert processes() == found


@pytest.mark.parametrize(("running", "found"), [(0.2, 4), (1.0, 4), (2.9, 2), (4.0, 1), (9.0, 1)])
def test_busy_cores_are_left_alone(monkeypatch: pytest.MonkeyPatch, running: float, found: int) -> None:
    """Of four cores those are used that nothing else runs on; one in any case, and all where it cannot be told."""
    monkeypatch.delenv(PROCESSES, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (running, 0.0, 0.0))
    assert processes() == found


# --- where helpers come from and what they read

HOSTILE = "from pathlib import Path\nPath({mark!r}).touch()\nraise SystemExit(1)\n"


def test_nothing_is_imported_from_the_current_folder(
    file: Path, together: Together, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper imports nothing that lies in the current folder under the name of a module that it needs."""
    here, mark = tmp_path / "here", tmp_path / "imported"
    (here / "ftops" / "data").mkdir(parents=True)
    for name in ("msgspec.py", "xxhash.py", "struct.py", "sitecustomize.py", "usercustomize.py", "toktok.py"):
        (here / name).write_text(HOSTILE.format(mark=str(mark)))
    for name in ("ftops/__init__.py", "ftops/data/__init__.py", "ftops/data/worker.py"):
        (here / name).write_text(HOSTILE.format(mark=str(mark)))
    monkeypatch.chdir(here)
    taken: list[int] = []
    plainly = workers.walked

    def noted(path: Path, number: int, *rest: Any) -> workers.Done:  # noqa: ANN401 - handed on
        taken.append(number)
        return plainly(path, number, *rest)

    monkeypatch.setattr(workers, "walked", noted)
    assert together(file, CHAT) == alone(file, CHAT)
    assert not mark.exists()
    assert not taken  # so the helper was there, and did everything


def test_odd_names(file: Path, together: Together, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper finds a file by a relative path, and under a name that is no UTF-8."""
    odd = tmp_path / os.fsdecode(b"caf\xe9 \n.jsonl")
    try:
        odd.write_bytes(file.read_bytes())
    except OSError:
        pytest.skip("the file system takes no such name")
    monkeypatch.chdir(tmp_path)
    assert together(Path(odd.name), CHAT) == alone(odd, CHAT)


def test_a_file_that_goes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the file cannot be read any more, no helper is left behind, and the error is the usual one."""
    started: list[subprocess.Popen[bytes]] = []

    def popen(*given_: Any, **more: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - handed on
        started.append(POPEN(*given_, **more))
        return started[-1]

    class Gone(JsonlFile):
        def digest_only(self) -> None:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setenv(PROCESSES, "3")
    with pytest.raises(OSError, match="Input/output error"):
        walk_together(file, Gone(file, 99), LIMITS, CHAT, Indexes.empty())
    assert len(started) == 2 and all(helper.returncode is not None for helper in started)
