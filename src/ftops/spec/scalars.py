"""Plain YAML scalars by the core schema of YAML 1.2: `no` is a string, `017` is seventeen, dates are strings."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from ftops.model import Scalar

NUMBER_CHARACTERS_MAX = 100
"""A longer run of digits stays a string: converting millions of digits takes minutes."""

_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_BEGINS = frozenset("0123456789+-.")
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_BASES = ((8, re.compile(r"0o[0-7]+")), (16, re.compile(r"0x[0-9a-fA-F]+")))


def resolve(text: str) -> Scalar:
    """Return what a plain scalar stands for; quoted ones are always strings and do not come here.

    `.inf` and `.nan`, and numbers too large for a float, stay strings: no field of a spec takes them.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_BEGINS or len(text) > NUMBER_CHARACTERS_MAX:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    for base, pattern in _BASES:
        if pattern.fullmatch(text):
            return int(text[2:], base)
    return text
