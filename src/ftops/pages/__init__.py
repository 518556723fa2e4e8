"""What every code, reason and `--allow` word means: the pages of `ftops explain`, docs/diagnostics.md and datasets.md.

A table of a TOML file is a page, a file is a group; the number in a file's name is the group's place. Keys of a page:

- `means`: one line, which lists show.
- `example`: a text that a test reads, and that must give the code; `alone` if nothing else is to be there. A spec
  stands in a project with the dataset `support` (data/train.jsonl), the job `support-v1` and the account `local`. Of
  the groups about data it is lines of a training file, in the format of the group's `method`; a line that begins with
  one of `LABELS` is something else instead, such as a row of the validation file or a part of the job's `spec`.
- `accepted`: of a rule of datasets, lines of the same kind to which it does not object.
- `when`: instead of an example, a situation in words; `accepted` has words then, too.
- `mend`: what to do about it; empty where there is nothing to do.
- `severity`: of a code that is no error and stands in no catalogue.
- `override`: how to go on all the same, if that is possible and not a rule's severity.

After an edit `make golden` writes docs/diagnostics.md and the table of docs/datasets.md anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

LABELS = ("job", "account", "parent", "validation")
"""What a line of an example may begin with, and a colon: a part of the job's spec or of the account's, or a row of the
data of the job before it or of the validation file."""


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to know about one word."""

    means: str
    example: str = ""
    accepted: str = ""
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
    method: str = ""


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
    return Group(name, str(table["title"]), made, str(table.get("intro", "")), str(table.get("method", "supervised")))
