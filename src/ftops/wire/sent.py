"""What was sent, as far as it may be told: the keys of a body, and values only where they are the service's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ftops.call import Body

OPENED = frozenset({"sku", "properties", "properties.model", "method"})
"""Members whose own members are told; what is in others may be anybody's words."""
WORDS = frozenset({"trainingType", "method.type", "sku.name", "properties.model.format", "purpose"})
"""Fields with one of a few words for a value: never data, a name or a secret."""
WORD = re.compile(r"[\w.-]{1,40}")


def keys_of(body: Body) -> str:
    """Return the keys of a JSON body in one line, `model, method.type "dpo", …`; nothing of a file or a part of one."""
    return ", ".join(_keys(body, "")) if isinstance(body, Mapping) else ""


def _keys(members: Mapping[str, object], before: str) -> Iterator[str]:
    for name, value in members.items():
        path = f"{before}{name}"
        if path in OPENED and isinstance(value, Mapping):
            yield from _keys(value, f"{path}.")
        elif path in WORDS and isinstance(value, str) and WORD.fullmatch(value):
            yield f'{path} "{value}"'
        else:
            yield path
