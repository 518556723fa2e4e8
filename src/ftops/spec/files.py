"""The one module of `spec` that touches the disk: finds spec files, reads them within limits, looks for data files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from ftops.diagnostics import Diagnostic, Span, did_you_mean
from ftops.spec.codes import SUMMARIES

FILE_BYTES_MAX = 1 << 20
"""A larger spec file is refused without being read."""
STDIN_BYTES_MAX = 16 << 20
"""Standard input may hold a whole rendered project."""
SIBLINGS_MAX = 1_000
"""Names in a folder among which a near one is looked for."""
STDIN = "-"
STDIN_SHOWN = "<stdin>"
DEFAULT_FOLDER = "specs"
SUFFIXES = (".yaml", ".yml")


class Input(NamedTuple):
    """One file to read, and how it is shown: relative to the root when under it. No path means standard input."""

    shown: str
    path: str | None
    explicit: bool = False


@dataclass(slots=True)
class Inputs:
    """What the paths of a command stand for; `one_tree` tells whether they are a single directory or input."""

    one_tree: bool
    shown: str
    found: dict[str, Input] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)

    def add(self, shown: str, path: str | None, *, explicit: bool = False) -> None:
        """Add a file, once."""
        self.found.setdefault(path or STDIN, Input(shown, path, explicit))


def find(paths: Sequence[str], root: Path) -> Inputs:
    """Return the spec files that the paths stand for: directories recursively, sorted, hidden ones skipped.

    Without paths, `specs/` under the root if there is one, else the root. Relative paths begin at the root.
    """
    root = Path(os.path.abspath(root))  # noqa: PTH100 - symbolic links stay as they are written
    wanted = list(dict.fromkeys(paths)) or [DEFAULT_FOLDER if (root / DEFAULT_FOLDER).is_dir() else "."]
    inputs = Inputs(
        one_tree=len(wanted) == 1,
        shown=", ".join(STDIN_SHOWN if each == STDIN else _printable(each) for each in wanted),
    )
    for each in wanted:
        if each == STDIN:
            inputs.add(STDIN_SHOWN, None)
            continue
        path = Path(os.path.abspath(root / each))  # noqa: PTH100
        mode = _mode(path)
        if mode is None:
            detail = "There is nothing at this path. Relative paths begin at the project root (-C DIR)."
            inputs.problems.append(_diagnostic(_shown(path, root, each), "path-not-found", detail))
        elif stat.S_ISDIR(mode):
            _walk(path, root, each, inputs)
        else:
            inputs.one_tree = False
            inputs.add(_shown(path, root, each), str(path), explicit=True)
    return inputs


def read(source: Input, stdin: Callable[[], bytes]) -> bytes | Diagnostic:
    """Return the bytes of a file, or why they cannot be had."""
    if source.path is None:
        data = stdin()
        return data if len(data) <= STDIN_BYTES_MAX else _too_large(source.shown, STDIN_BYTES_MAX)
    try:
        about = os.stat(source.path)  # noqa: PTH116 - thousands of files, and a text as good as a Path
        if not stat.S_ISREG(about.st_mode) and not source.explicit:
            detail = "It has the name of a spec file, but is a device, pipe or socket; move it out of this folder."
            return _diagnostic(source.shown, "not-a-file", detail)
        if about.st_size > FILE_BYTES_MAX:
            return _too_large(source.shown, FILE_BYTES_MAX)
        with open(source.path, "rb") as file:  # noqa: PTH123
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        detail = f"The system says: {error.strerror}. Make the file readable, or move it out of the folder."
        return _diagnostic(source.shown, "unreadable-file", detail)
    return data if len(data) <= FILE_BYTES_MAX else _too_large(source.shown, FILE_BYTES_MAX)


def problem_of_file(written: str, root: Path, beside: str) -> tuple[str, str] | None:
    """Return code and detail of what is wrong with a file that a document names, or None.

    It has to be a file under the root, symbolic links followed. `beside` is the document's own file as shown.
    """
    if Path(written).is_absolute() or PureWindowsPath(written).drive:
        return "outside-root", f'"{written}" is an absolute path. {_RELATIVE}'
    if not written or "://" in written or "\0" in written:
        return "missing-file", f'"{written}" is not the path of a file. {_RELATIVE}'
    real = Path(os.path.realpath(root / written))
    if not real.is_relative_to(os.path.realpath(root)):
        by_link = "" if os.path.normpath(written).startswith("..") else " by a symbolic link"
        return "outside-root", f'"{written}" leads out of the project root{by_link}. {_INSIDE}'
    return _problem_of_place(written, root, beside, _mode(real))


def _problem_of_place(written: str, root: Path, beside: str, mode: int | None) -> tuple[str, str] | None:
    if mode is None:
        return "missing-file", _missing(written, root, beside)
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket"
        return "not-a-file", f'"{written}" is {what}; name a file.'
    return None


_INSIDE = "Put the file under the root: a plan is about what the project holds."
_RELATIVE = "Write the path relative to the project root (-C DIR, else the current directory)."


def _missing(written: str, root: Path, beside: str) -> str:
    """Return that a file is missing, with a near name of its folder or the place beside the document."""
    folder, name = os.path.split(written)
    local = os.path.normpath(os.path.join(os.path.dirname(beside), written))  # noqa: PTH118, PTH120 - text, no file
    if not local.startswith("..") and _mode(root / local) is not None:
        return f'"{written}" does not exist. Paths begin at the project root: write "{local}".'
    try:
        with os.scandir(root / folder) as entries:
            names = [entry.name for entry in islice(entries, SIBLINGS_MAX)]
            if name in names:
                return f'"{written}" is a symbolic link that leads nowhere. Mend it, or name the file itself.'
    except OSError:
        return f'"{written}" does not exist: there is no folder "{folder}". {_RELATIVE}'
    near = did_you_mean(name, names)
    near = near.replace('mean "', f'mean "{folder}/') if folder else near
    return f'"{written}" does not exist.' + (near or f" {_RELATIVE}")


def _walk(top: Path, root: Path, written: str, inputs: Inputs) -> None:
    def note(error: OSError) -> None:
        shown = _shown(Path(str(error.filename)), root, written)
        detail = f"The system says: {error.strerror}. Make the folder readable, or leave it out of the paths."
        inputs.problems.append(_diagnostic(shown, "unreadable-file", detail))

    shown_top = _shown(top, root, written)
    for folder, folders, names in os.walk(top, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if any(os.path.islink(os.path.join(folder, name)) for name in folders):  # noqa: PTH114, PTH118
            inputs.one_tree = False  # A link may lead to specs, and is not followed: what is not seen is no orphan.
        shown = str(PurePosixPath(shown_top, os.path.relpath(folder, top), "_"))[:-1]
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                inputs.add(_printable(shown + name), os.path.join(folder, name))  # noqa: PTH118


def _shown(path: Path, root: Path, written: str) -> str:
    """Return a path relative to the root when it is under it, else as it was written."""
    return _printable(path.relative_to(root).as_posix() if path.is_relative_to(root) else written)


def _printable(name: str) -> str:
    """Return a file name as it can be printed, whatever bytes it is made of."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "replace")


def _mode(path: Path) -> int | None:
    """Return the mode of what a path leads to; None when there is nothing, or nothing that can be looked at."""
    try:
        return path.stat().st_mode
    except OSError:
        return None


def _too_large(shown: str, bytes_max: int) -> Diagnostic:
    detail = f"It is larger than {bytes_max >> 20} MiB, the most ftops reads at once. Split it into several files."
    return _diagnostic(shown, "file-too-large", detail)


def _diagnostic(shown: str, code: str, detail: str) -> Diagnostic:
    return Diagnostic(Span(shown), code, SUMMARIES[code], detail)
