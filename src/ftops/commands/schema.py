"""`ftops schema`: the JSON Schema of the documents, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from ftops.commands.output import Output, command
from ftops.errors import FtopsError


@command()
@click.option(
    "--draft",
    type=click.Choice(["2020-12", "7"]),
    default="2020-12",
    show_default=True,
    help="The version of JSON Schema; editors of YAML read 7.",
)
@click.option("-o", "--output", "file", metavar="FILE", help="Write FILE, under -C, instead of printing.")
def schema(output: Output, draft: str, file: str | None) -> int:
    """Print the JSON Schema of all documents, for editors and other programs.

    `ftops init` writes it to .ftops/schema.json, which the specs it makes name in their first line. After an upgrade
    of ftops write it anew: ftops schema --draft 7 -o .ftops/schema.json
    """
    from ftops.rules import load_rules  # noqa: PLC0415 — its help imports nothing heavy
    from ftops.spec.json_schema import schema_text  # noqa: PLC0415

    text = schema_text(draft, load_rules())
    if file is None:
        output.result(text)
        return 0
    path = output.common.root / Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise FtopsError(f"{file} cannot be written: {error.strerror}") from error
    output.result(f"  wrote {file}\n")
    return 0
