"""What every code, reason and `--allow` word means: the pages of `ftops explain` and of docs/diagnostics.md.

A table of a TOML file is a page, a file is a group; the number in a file's name is the group's place. Keys of a page:

- `means`: one line, which lists show.
- `example`: a text that a test reads, and that must give the code; `alone` if nothing else is to be there. A spec
  stands in a project with the dataset `support` (data/train.jsonl), the job `support-v1` and the account `local`.
- `when`: instead of an example, a situation in words.
- `mend`: what to do about it; empty where there is nothing to do.
- `severity`: of a code that is no error and stands in no catalogue.
- `override`: how to go on all the same, if that is possible.

After an edit `make golden` writes docs/diagnostics.md anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to know about one word."""

    means: str
    example: str = ""
    when: str = ""
    mend: str = ""
    override: str = ""
    severity: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Words that belong together, in the order in which they are listed."""

    name: str
    title: str
    pages: Mapping[str, Page]
    intro: str = ""


def load_pages() -> tuple[Group, ...]:
    """Return all groups in their order."""
    import tomllib  # noqa: PLC0415 — the help of `ftops explain` needs none of it

    found = sorted((f for f in files(__name__).iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(_group(file.name, tomllib.loads(file.read_text(encoding="utf-8"))) for file in found)


def _group(file: str, table: Mapping[str, object]) -> Group:
    pages = table["pages"]
    if not isinstance(pages, dict):
        raise TypeError(f"{file}: pages must be tables")
    name = file.partition("-")[2].removesuffix(".toml")
    made = {word: Page(**page) for word, page in pages.items()}
    return Group(name, str(table["title"]), made, str(table.get("intro", "")))
