"""The documentation says what is true: every command, option, kind, key and code is in it, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
from pydantic import BaseModel

import ftops
from ftops.cli import COMMANDS, NOT_YET, ROOT
from ftops.emulator import Effect, Fault, Limits, Quirks, Spelling, Stage, names_of
from ftops.kinds import KINDS
from ftops.kinds.project import ProjectDocument

ROOT_FOLDER = Path(__file__).resolve().parents[2]
DOCS = ROOT_FOLDER / "docs"
SOURCES = sorted((ROOT_FOLDER / "src" / "ftops").rglob("*.py"))


def text_of(name: str) -> str:
    """Return a documentation file."""
    return (ROOT_FOLDER / name).read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that is built, with its full name."""
    context = click.Context(ROOT)
    for name in COMMANDS:
        command = ROOT.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", each) for sub, each in command.commands.items())


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    """docs/commands.md has a section for each command and names each of its options that is built."""
    text = text_of("docs/commands.md")
    assert f"`ftops {name}" in text
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert f"{parameter.opts[-1]}" in text, parameter.opts


def test_commands_of_later_versions_are_not_documented_as_built() -> None:
    """A command that is refused by name has no section."""
    text = text_of("docs/commands.md")
    assert not [name for name in NOT_YET if f"## `ftops {name}" in text]


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Yield the names of all fields of a spec model, however deep."""
    for name, field in model.model_fields.items():
        yield name
        stack = [field.annotation]
        while stack:
            annotation = stack.pop()
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                yield from keys(annotation)
            stack.extend(get_args(annotation))


@pytest.mark.parametrize("model", [ProjectDocument, *(kind.document for kind in KINDS.values())])
def test_every_kind_and_key_is_documented(model: type[BaseModel]) -> None:
    """docs/specs.md names each kind and each of its keys."""
    text = text_of("docs/specs.md")
    title = get_args(model.model_fields["kind"].annotation)[0]
    assert f"## {title}" in text
    assert not [key for key in keys(model) if not re.search(rf"\b{key}\b", text)]


def test_everything_that_a_description_of_trouble_can_say_is_documented() -> None:
    """docs/emulator.md has a table row for each effect, limit and quirk, and names each member of a rule."""
    text = text_of("docs/emulator.md")
    first_cells = "".join(re.findall(r"^\| ([^|]*)\|", text, re.MULTILINE))
    listed = {*Effect, *names_of(Limits), *names_of(Quirks)}
    assert not [name for name in sorted(listed) if f"`{name}`" not in first_cells]
    section = text.partition("## Faults, limits and quirks")[2].partition("\n## ")[0]
    assert not [name for name in (*names_of(Fault), *Spelling, *Stage) if f"`{name}`" not in section]


def test_public_names_are_exactly_those_exported() -> None:
    """Nothing but `__all__` is public."""
    assert set(ftops.__all__) == {"__version__"}


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link of the documentation names a file that exists."""
    for path in (*ROOT_FOLDER.glob("*.md"), *DOCS.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_decisions_are_numbered_without_gaps() -> None:
    """Each argued decision has its page and number."""
    numbers = sorted(int(path.name[:4]) for path in (DOCS / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_dependencies_are_explained() -> None:
    """Every run-time dependency has its line in docs/dependencies.md."""
    declared = re.search(r"^dependencies = \[(.*?)^\]", text_of("pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert declared is not None
    names = re.findall(r'"([a-z0-9-]+)', declared[1])
    text = text_of("docs/dependencies.md")
    assert names
    assert not [name for name in names if f"| {name} |" not in text]


LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def test_files_and_functions_keep_their_size() -> None:
    """Files have at most 400 lines, functions 60."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= LINES_MAX, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, f"{path}:{node.name}"
