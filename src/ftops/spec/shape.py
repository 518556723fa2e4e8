"""Documents to their pydantic models; what pydantic finds wrong becomes findings in words that say the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ftops.diagnostics import did_you_mean, nearest
from ftops.kinds.envelope import Document, Finding, Path
from ftops.spec.codes import PROBLEMS_MAX, SUMMARIES, TOO_MANY_PROBLEMS
from ftops.spec.nodes import Tree
from ftops.spec.scalars import resolve
from ftops.spec.schema import Place, allowed_words, in_words, locate, only_field, sections_with, takes
from ftops.spec.text import is_signed, looks_secret

SHOWN_CHARACTERS_MAX = 40
KNOWN_FIELDS_MAX = 12

_PATTERNS: Mapping[str, str] = {
    r"^[a-z2-7]{8}$": "a digest as plan and status print it: 8 characters, a to z and 2 to 7",
    r"^[0-9a-f]{64}$": "a sha256 as 64 characters, 0 to 9 and a to f",
}
_BOUNDS: Mapping[str, str] = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_YES_NO = frozenset({"yes", "no", "on", "off", "y", "n"})


def validate(tree: Tree, model: type[Document], title: str) -> tuple[Document | None, list[Finding]]:
    """Return the document as its model, or None and what is wrong with its shape."""
    try:
        return model.model_validate(tree.plain()), []
    except ValidationError as error:
        raw = error.errors(include_url=False)
        errors = [_Error(each, locate(model, each["loc"]), model, title) for each in raw[:PROBLEMS_MAX]]
        findings = list(_findings(errors))
        if len(raw) > PROBLEMS_MAX:
            path = locate(model, raw[PROBLEMS_MAX]["loc"]).path
            code = "too-many-problems"
            findings.append(Finding(path, code, SUMMARIES[code], TOO_MANY_PROBLEMS, on_key=True))
        return None, findings


@dataclass(frozen=True)
class _Error:
    """One error of pydantic with its place."""

    raw: ErrorDetails
    place: Place
    model: type[Document]
    title: str

    @property
    def key(self) -> str:
        return str(self.place.path[-1])

    @property
    def parent(self) -> Path:
        return self.place.path[:-1]

    @cached_property
    def meant(self) -> str | None:
        """The field that an unknown key probably means."""
        return nearest(self.key, self.place.owner.model_fields)

    @property
    def secret(self) -> bool:
        value = self.raw["input"]
        signed = isinstance(value, str) and is_signed(value)
        return signed or any(looks_secret(part) for part in self.place.path if isinstance(part, str))

    @property
    def found(self) -> str:
        """What is there, in words; the values of secrets are left out."""
        value = self.raw["input"]
        kinds = {str: "a string", bool: "a truth value", int: "a number", float: "a number"}
        if value is None:
            return "nothing"
        if isinstance(value, tuple | dict):
            return "a mapping" if isinstance(value, dict) else "a list"
        if self.secret:
            return kinds.get(type(value), "a value")
        shown = _short(str(value))
        if isinstance(value, str):
            return f'the string "{shown}"'
        return str(value).lower() if isinstance(value, bool) else f"the number {shown}"


def _findings(errors: Iterable[_Error]) -> Iterable[Finding]:
    """Yield a finding for each error, but for missing fields that an unknown key beside them explains."""
    errors = list(errors)
    unknown = [error for error in errors if error.raw["type"] == "extra_forbidden"]
    explained = {(*e.parent, e.meant) for e in unknown if e.meant}
    unbuilt = {error.parent for error in unknown if error.key in error.place.owner.not_yet}
    for error in errors:
        kind = error.raw["type"]
        if kind == "missing" and (error.place.path in explained or error.parent in unbuilt):
            continue
        yield _BY_TYPE.get(kind, _other)(error)


def _finding(error: _Error, code: str, detail: str, *, on_key: bool = False) -> Finding:
    return Finding(error.place.path, code, SUMMARIES[code], detail, on_key=on_key)


def _unknown(error: _Error) -> Finding:
    built_later = error.place.owner.not_yet.get(error.key)
    if built_later is not None:
        detail = f'"{error.key}" ({built_later}) is not built yet; take it out until it is.'
        return _finding(error, "not-yet", detail, on_key=True)
    where = f"{_dotted(error.parent)} in a {error.title}" if error.parent else f"a {error.title}"
    detail = f'"{_short(error.key)}" is not a field of {where}.'
    known = list(error.place.owner.model_fields)
    sections = [section for section in sections_with(error.model, error.key) if error.parent != (section,)]
    if sections:
        detail += f' It belongs under "{sections[0]}".'
    elif error.meant:
        detail += did_you_mean(error.key, known)
    elif not known:
        detail += " Nothing can be set there yet; take it out."
    elif len(known) <= KNOWN_FIELDS_MAX:
        detail += f" Fields there: {', '.join(known)}."
    return _finding(error, "unknown-field", detail, on_key=True)


def _missing(error: _Error) -> Finding:
    where = f"{_dotted(error.parent)} of a {error.title}" if error.parent else f"A {error.title}"
    detail = f'{where} needs "{error.key}": {in_words(error.place.form)}.'
    return _finding(error, "missing-field", detail, on_key=True)


def _wrong_type(error: _Error) -> Finding:
    detail = f"{_dotted(error.place.path)} must be {in_words(error.place.form)}, but here is {error.found}."
    return _finding(error, "wrong-type", detail + _way_out(error))


def _way_out(error: _Error) -> str:
    """Return what to write instead, where that is clear."""
    value, form = error.raw["input"], error.place.form
    if error.secret or value is None or isinstance(value, tuple | dict):
        return ""
    if not isinstance(value, str):
        return " Put it in quotes." if in_words(form) == "a string" else ""
    field = only_field(form)
    if field:
        return f" Write {{{field}: {value}}}." if len(value) <= SHOWN_CHARACTERS_MAX else ""
    if takes(form, tuple):
        return f" Write [{value}]." if len(value) <= SHOWN_CHARACTERS_MAX else ""
    if takes(form, bool) and value.lower() in _YES_NO:
        return " Write true or false: in YAML 1.2, yes and no are words."
    return "" if isinstance(resolve(value), str) else " Take the quotes away."


def _literal(error: _Error) -> Finding:
    words, value = allowed_words(error.place.form), error.raw["input"]
    if not isinstance(value, str):
        return _wrong_type(error)
    shown = "This" if error.secret else f'"{_short(value)}"'
    detail = f"{shown} is not a value of {_dotted(error.place.path)}; write {in_words(error.place.form)}."
    return _finding(error, "bad-value", detail + (did_you_mean(_short(value), words) if len(words) > 1 else ""))


def _pattern(error: _Error) -> Finding:
    pattern = str(error.raw["ctx"]["pattern"])
    wanted = _PATTERNS.get(pattern, f"text of the form {pattern}")
    return _finding(error, "bad-value", f"{_dotted(error.place.path)} must be {wanted}, but here is {error.found}.")


def _range(error: _Error) -> Finding:
    name, bound = next(iter(error.raw["ctx"].items()))
    detail = f"{_dotted(error.place.path)} must be {_BOUNDS[name]} {bound:g}; it is {error.raw['input']}."
    return _finding(error, "out-of-range", detail)


def _other(error: _Error) -> Finding:
    if error.raw["type"].endswith("_type"):
        return _wrong_type(error)
    said = re.sub(r"^Input should be ", "must be ", error.raw["msg"])
    return _finding(error, "bad-value", f"{_dotted(error.place.path)}: {said}.")


def _short(words: str) -> str:
    return words if len(words) <= SHOWN_CHARACTERS_MAX else f"{words[:SHOWN_CHARACTERS_MAX]}…"


def _dotted(path: Path) -> str:
    """Return a path as people write it: `spec.tags.team`, `metadata.formerly[0]`."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return words.removeprefix(".")


_BY_TYPE: Mapping[str, Callable[[_Error], Finding]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "greater_than_equal": _range,
    "greater_than": _range,
    "less_than_equal": _range,
    "less_than": _range,
}
