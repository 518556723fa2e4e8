"""`ftops init`: a project that plans at once on the embedded emulator."""

from __future__ import annotations

import base64
import re
import secrets
import shlex
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from ftops.commands.output import Output, command
from ftops.errors import FtopsError

SCHEMA_FILE = ".ftops/schema.json"
"""What the specs' `yaml-language-server` lines name, once a document, for editors read them so. It is committed, unlike
its neighbours: a fresh clone then has help in the editor before ftops is even installed."""
NAME_TAIL = 4
"""Random characters after the project's name, so that two projects of one name do not take each other's objects."""
NAME_HEAD_MAX = 40


@command()
@click.argument("directory", default=".", metavar="[DIR]")
def init(output: Output, directory: str) -> int:
    """Make a project in DIR (this directory by default) that plans at once on the embedded emulator.

    Writes specs, example data, the schema that editors read and a .gitignore; never over a file that exists.
    """
    folder = output.common.root / directory
    texts = {folder / name: text for name, text in _files()}
    there = [path for path in texts if path.exists()]
    if there:
        names = ", ".join(str(path.relative_to(folder)) for path in there)
        exist = "exists" if len(there) == 1 else "exist"
        raise FtopsError(f"{names} {exist} already, so nothing was written; give the name of a new directory")
    name = _project_name(folder)
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{{name}}", name), encoding="utf-8", newline="\n")
    except OSError as error:
        raise FtopsError(f"{error.filename} cannot be written: {error.strerror}") from error
    for path in texts:
        output.result(f"  wrote {path.relative_to(folder)}\n")
    enter = "" if folder == Path.cwd() else f"  cd {shlex.quote(directory)}\n"
    output.result(f"\nThe project is called {name}. Next:\n\n{enter}  ftops plan\n  ftops apply\n")
    return 0


def _files() -> Iterator[tuple[str, str]]:
    """Yield the files to write, by their path in the project; the project's name is still to be filled in."""
    yield from _templates()
    from ftops.rules import load_rules  # noqa: PLC0415 — its help imports nothing heavy
    from ftops.spec.json_schema import schema_text  # noqa: PLC0415

    yield SCHEMA_FILE, schema_text("7", load_rules())


def _templates() -> Iterator[tuple[str, str]]:
    """Yield the packaged files by their path in the project."""
    yield from _below(files("ftops.templates") / "init", "")


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            name = ".gitignore" if entry.name == "gitignore" else entry.name
            yield prefix + name, entry.read_text(encoding="utf-8")


def _project_name(folder: Path) -> str:
    """Return the folder's name as a project's, with a random tail."""
    head = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:NAME_HEAD_MAX] or "models"
    tail = base64.b32encode(secrets.token_bytes(5)).decode("ascii").lower()[:NAME_TAIL]
    return f"{head}-{tail}"
