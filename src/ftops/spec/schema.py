"""The spec models looked at from outside: which model and type an error of pydantic is about, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Literal, NamedTuple, TypeAlias, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, Tag

from ftops.kinds.envelope import Path, Strict

EXAMPLE_FIELDS_MAX = 3
"""A mapping with more required fields is not written out as an example."""

Form: TypeAlias = object
"""A type annotation: a class, a union, an alias; Python has no narrower type for all of them."""


class Place(NamedTuple):
    """Where an error is: the path into the document, the model whose field it is about, and the field's form."""

    path: Path
    owner: type[Strict]
    form: Form


def locate(model: type[Strict], loc: Sequence[str | int]) -> Place:
    """Return the place of an error; the union tags that pydantic puts into `loc` are left out of the path."""
    here: Form = model
    owner = model
    path: list[str | int] = []
    for place, part in enumerate(loc):
        choices = _choices(here)
        if part in choices:
            # An error about the value itself is told with all that it could be.
            here = here if place == len(loc) - 1 else choices[str(part)]
            continue
        path.append(part)
        here = _bare(here)
        if _is_model(here):
            owner = here
        here = _inside(here, part)
    return Place(tuple(path), owner, here)


def in_words(form: Form) -> str:
    """Return what a value of this form is: `a whole number`, `a mapping like {job: …}`."""
    members = [_member_in_words(member) for member in _members(form)]
    return " or ".join(dict.fromkeys(members)) or "nothing"


def only_field(form: Form) -> str | None:
    """Return the one field that a mapping of this form needs, if it is a mapping that needs exactly one string."""
    for member in _members(form):
        if _is_model(member):
            needed = required_fields(member)
            if len(needed) == 1 and member.model_fields[needed[0]].annotation is str:
                return needed[0]
    return None


def takes(form: Form, *types: type) -> bool:
    """Tell whether one of these types is a member of the form."""
    return any((get_origin(member) or member) in types for member in _members(form))


def allowed_words(form: Form) -> list[str]:
    """Return the words of the literals in a form."""
    return [str(w) for member in _members(form) if get_origin(member) is Literal for w in get_args(member)]


def required_fields(model: type[BaseModel]) -> list[str]:
    """Return the fields that a model cannot do without."""
    return [name for name, field in model.model_fields.items() if field.is_required()]


def sections_with(model: type[BaseModel], key: str) -> list[str]:
    """Return the sections of a document (`spec`, `lifecycle`) that have a field of this name."""
    fields = {name: _bare(field.annotation) for name, field in model.model_fields.items()}
    return [name for name, form in fields.items() if _is_model(form) and key in form.model_fields]


def _member_in_words(member: Form) -> str:
    plain: dict[Form, str] = {
        str: "a string",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        tuple: "a list",
        list: "a list",
    }
    if get_origin(member) is Literal:
        return " or ".join(f'"{word}"' for word in get_args(member))
    if _is_model(member) and 0 < len(required_fields(member)) <= EXAMPLE_FIELDS_MAX:
        return f"a mapping like {{{', '.join(f'{name}: …' for name in required_fields(member))}}}"
    return plain.get(get_origin(member) or member, "a mapping")


def _members(form: Form) -> list[Form]:
    """Return the alternatives of a union, without None and annotations."""
    form = _unannotated(form)
    if get_origin(form) not in {Union, UnionType}:
        return [] if form in {None, NoneType} else [form]
    return [inner for member in get_args(form) for inner in _members(member)]


def _choices(form: Form) -> Mapping[str, Form]:
    """Return the members of a tagged union by tag; empty for anything else."""
    form = _unannotated(form)
    if get_origin(form) not in {Union, UnionType}:
        return {}
    tagged: dict[str, Form] = {}
    for member in get_args(form):
        if get_origin(member) is Annotated:
            tags = {each.tag: member for each in get_args(member)[1:] if isinstance(each, Tag)}
            tagged |= tags or _choices(member)
    return tagged


def _bare(form: Form) -> Form:
    """Return the one member of a form that is not None, or the form itself."""
    members = _members(form)
    return members[0] if len(members) == 1 else form


def _unannotated(form: Form) -> Form:
    return get_args(form)[0] if get_origin(form) is Annotated else form


def _is_model(form: Form) -> TypeGuard[type[Strict]]:
    return isinstance(form, type) and issubclass(form, Strict)


def _inside(form: Form, part: str | int) -> Form:
    """Return the form of a field, item or value of a form; None where it says nothing of it."""
    if _is_model(form):
        field = form.model_fields.get(str(part))
        return None if field is None else field.annotation
    arguments = get_args(form)
    return arguments[1] if isinstance(part, str) and len(arguments) > 1 else next(iter(arguments), None)
