"""`ftops emulator faults`: put trouble in force in the project's emulators, show what is, or remove it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.commands.emulator_accounts import emulated_accounts, opened
from ftops.commands.options import complete_paths
from ftops.commands.output import Output, command
from ftops.errors import SpecError, UsageError

if TYPE_CHECKING:
    from ftops.diagnostics import Diagnostic
    from ftops.emulator import Emulator, Met, Trouble
    from ftops.spec.nodes import Tree

_IN_COLUMNS = ("effect", "method", "path")
"""Members of a rule that have a place of their own in the table; the others are listed behind."""


@command(short_help="Put trouble in force: limits, quirks, faults.")
@click.argument("file", required=False, shell_complete=complete_paths)
@click.option("--clear", is_flag=True, help="Remove all that is in force.")
def faults(output: Output, file: str | None, *, clear: bool) -> int:
    """Put the limits, quirks and faults of FILE (YAML; - is stdin) in force, instead of what was.

    They hold for every process that uses the emulator's file from then on. Without FILE, show what is in force and how
    often each rule was met.
    """
    if file is not None and clear:
        raise UsageError("--clear removes all that is in force and takes no FILE: a FILE replaces it anyhow")
    trouble = None if file is None else _read(file, output.common.root)
    paths = dict.fromkeys(each.path for each in emulated_accounts(output).values())
    for path in paths:
        with opened(path) as emulator:
            _put(emulator, trouble, clear=clear)
            output.result(f"{path.name}:{in_words(emulator.in_force.trouble, emulator.in_force.met())}")
    return 0


def _put(emulator: Emulator, trouble: Trouble | None, *, clear: bool) -> None:
    from ftops.emulator import Trouble  # noqa: PLC0415

    if trouble is not None or clear:
        emulator.put_trouble(trouble or Trouble())


def in_words(trouble: Trouble, met: Sequence[Met]) -> str:
    """Return what is in force as a short table, which follows a name and a colon."""
    given = trouble.given
    rules = [dict(rule) for rule in given.get("faults") or ()]
    if not rules and not given.get("limits") and not given.get("quirks"):
        return " nothing is in force\n"
    head = [_number(len(rules), "rule")] if rules else []
    head += [f"seed {given['seed']}"] if given.get("seed") else []
    lines = [f" {', '.join(head)}\n" if head else "\n"]
    lines += [f"  {name}: {_members(given[name])}\n" for name in ("limits", "quirks") if given.get(name)]
    rows = [("met", "acted", "effect", "requests", "")] if rules else []
    rows += [_row(rule, each) for rule, each in zip(rules, met, strict=False)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)] if rows else []
    return "".join([*lines, *(_line(row, widths) for row in rows)])


def _row(rule: Mapping[str, object], met: Met) -> tuple[str, str, str, str, str]:
    requests = " ".join(str(rule[name]) for name in ("method", "path") if rule.get(name)) or "all it can act on"
    rest = {name: value for name, value in rule.items() if name not in _IN_COLUMNS}
    return str(met.met), str(met.acted), str(rule["effect"]), requests, _members(rest)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    met, acted, effect, requests, rest = row
    numbers = f"{met:>{widths[0]}}  {acted:>{widths[1]}}"
    return f"  {numbers}  {effect:<{widths[2]}}  {requests:<{widths[3]}}  {rest}".rstrip() + "\n"


def _members(given: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in given.items())


def _value(value: object) -> str:
    from ftops.render.text import harmless  # noqa: PLC0415

    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {item}' for name, item in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else harmless(str(value))


def _number(number: int, noun: str) -> str:
    from ftops.render.text import count  # noqa: PLC0415

    return count(number, noun)


# --- reading


def _read(file: str, root: Path) -> Trouble:
    """Return the trouble that a file describes.

    Raises: SpecError with everything that is wrong with it.
    """
    from ftops.emulator import Trouble, read_trouble  # noqa: PLC0415

    tree = _tree(file, root)
    if tree is None:
        return Trouble()
    trouble, problems = read_trouble(tree.plain())
    found = [tree.text.diagnostic(problem) for problem in tree.problems]
    for problem in problems:
        span = tree.span_of(problem.place, on_key=problem.on_key)
        found.append(_diagnostic(tree, span.line, span.column, problem.code, problem.text))
    if found:
        raise SpecError(sorted(found, key=lambda each: (each.span, each.code, each.detail)))
    return trouble


def _diagnostic(tree: Tree, line: int, column: int, code: str, detail: str) -> Diagnostic:
    from ftops.spec.text import Problem  # noqa: PLC0415

    return tree.text.diagnostic(Problem(line, column, code, detail))


def _tree(file: str, root: Path) -> Tree | None:
    """Return the one document of a file; None when it holds nothing but comments."""
    from ftops.diagnostics import Diagnostic, Span  # noqa: PLC0415
    from ftops.spec.codes import SUMMARIES  # noqa: PLC0415
    from ftops.spec.document import parse  # noqa: PLC0415
    from ftops.spec.files import find, read  # noqa: PLC0415

    if (root / file).is_dir():
        detail = "It is a folder; name the one file that describes the trouble."
        raise SpecError([Diagnostic(Span(file), "not-a-file", SUMMARIES["not-a-file"], detail)])
    inputs = find((file,), root)
    if inputs.problems:
        raise SpecError(inputs.problems)
    (source,) = inputs.found.values()
    data = read(source, sys.stdin.buffer.read)
    if isinstance(data, Diagnostic):
        raise SpecError([data])
    parsed = parse(data, source.shown)
    if parsed.problem is not None:
        raise SpecError([parsed.text.diagnostic(parsed.problem)])
    if len(parsed.trees) > 1:
        second = parsed.trees[1]
        detail = "The trouble of an emulator is one document; put its rules under the same `faults:`."
        raise SpecError([_diagnostic(second, second.root.line, second.root.column, "not-a-document", detail)])
    return parsed.trees[0] if parsed.trees else None
