"""The spec models as JSON Schema, so that an editor completes, explains and checks while one types.

The schema says no more than the loader: what it refuses the loader refuses too. It says a little less: JSON Schema does
not tell 3.0 from 3, and rules between fields or documents are left to `ftops validate`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from ftops.kinds import KINDS
from ftops.kinds.base import Effect, FieldRule, Kind, Shape
from ftops.kinds.envelope import API_VERSION, NAME, Document
from ftops.kinds.job_spec import Auto
from ftops.kinds.project import ProjectDocument
from ftops.rules import Rules
from ftops.spec.keys import KEYS
from ftops.spec.names import PROJECT

Json: TypeAlias = dict[str, Any]

DRAFTS: Mapping[str, tuple[str, str]] = {
    "2020-12": ("https://json-schema.org/draft/2020-12/schema", "$defs"),
    "7": ("http://json-schema.org/draft-07/schema#", "definitions"),
}
"""The drafts by name: the URI of each and its word for definitions; everything else used here is the same in both."""

_EFFECTS: Mapping[Effect, str] = {
    Effect.IN_PLACE: "An edit is made in place.",
    Effect.NEW_ARTIFACT: "An edit makes a new one; what exists stays.",
    Effect.REPLACE: "An edit needs a deletion first.",
    Effect.FIXED: "An edit changes nothing that exists.",
}
_OTHER_VERSIONS = "^[Ff][Tt][Oo][Pp][Ss](/|$)"
"""Documents of other tools pass; another version of ours does not."""


def schema_text(draft: str, rules: Rules) -> str:
    """Return the schema in a draft as text, ending in a line break."""
    return json.dumps(schema(draft, rules), indent=2, ensure_ascii=False) + "\n"


def schema(draft: str, rules: Rules) -> Json:
    """Return the schema of one document of any kind, in one of the `DRAFTS`."""
    uri, word = DRAFTS[draft]
    models: Mapping[str, type[Document]] = {
        PROJECT: ProjectDocument,
        **{title: kind.document for title, kind in KINDS.items()},
    }
    template = f"#/{word}/{{model}}"
    references, definitions = models_json_schema(
        [(model, "validation") for model in models.values()], schema_generator=_Generator, ref_template=template
    )
    known: Json = definitions["$defs"]
    _suggest(known, rules)
    for kind in KINDS.values():
        _tell_effects(known, kind, template)
    by_title = {title: references[model, "validation"] for title, model in models.items()}
    return {"$schema": uri, **_any_document(by_title, rules), word: dict(sorted(known.items()))}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator with our descriptions, and without titles and defaults that say nothing."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        """Return that a field's name is title enough."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> Json:
        """Return a model's schema, its fields with the words of `KEYS`."""
        made: Json = super().model_schema(schema)
        made.pop("title", None)
        for name, told in made.get("properties", {}).items():
            words = KEYS.get(f"{schema['cls'].__name__}.{name}") or KEYS.get(f"Document.{name}")
            if words is not None:
                made["properties"][name] = {"description": f"{words[0].upper()}{words[1:]}.", **_alone(told)}
        return made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Json:
        """Return the schema with its default where that is a word or number."""
        made: Json = super().default_schema(schema)
        if not isinstance(made.get("default"), str | int | float):
            made.pop("default", None)
        return made

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> Json:
        """Return the inner schema; where `auto` is read as absence, it is a value too."""
        inner: Json = self.generate_inner(schema["schema"])
        if schema["function"]["function"] is not Auto.func:
            return inner
        return {"anyOf": [*inner.get("anyOf", [inner]), {"const": "auto"}]}


def _alone(told: Json) -> Json:
    """Return a schema that takes words beside it: draft 7 ignores what stands beside a reference."""
    return {"allOf": [told]} if set(told) == {"$ref"} else _beside(told)


def _beside(told: Json) -> Json:
    reference = told.pop("$ref", None)
    return told if reference is None else {"allOf": [{"$ref": reference}], **told}


def _any_document(by_title: Mapping[str, Json], rules: Rules) -> Json:
    """Return the schema of a document: of its kind if it is ours, else of any form; an empty one passes as well."""
    ours = {"properties": {"apiVersion": {"const": API_VERSION}}, "required": ["apiVersion"]}
    kinds = [
        {
            "if": {"properties": {"kind": {"const": title}}, "required": ["kind"]},
            "then": _named(title, reference, rules),
        }
        for title, reference in by_title.items()
    ]
    return {
        "title": "A document of ftops",
        "type": ["object", "null"],
        "required": ["apiVersion"],
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": f"{API_VERSION}; documents of other tools are skipped.",
                "anyOf": [{"const": API_VERSION}, {"not": {"pattern": _OTHER_VERSIONS}}],
            }
        },
        "if": {"type": "object", **ours},
        "then": {"required": ["kind"], "properties": {"kind": {"enum": list(by_title)}}, "allOf": kinds},
    }


def _named(title: str, reference: Json, rules: Rules) -> Json:
    """Return the schema of a kind's document with the pattern that its name must have."""
    if title == PROJECT:
        return reference
    artifact = KINDS[title].traits.shape is Shape.ARTIFACT
    pattern = f"^{NAME.pattern}$" if artifact else rules.limits.names.deployment_pattern.pattern
    return {"allOf": [reference, {"properties": {"metadata": {"properties": {"name": {"pattern": pattern}}}}}]}


def _suggest(known: Json, rules: Rules) -> None:
    """Have an editor offer the words that the rules know, without refusing any other: spellings vary."""
    words: Mapping[tuple[str, str], Sequence[str]] = {
        ("JobSpec", "model"): rules.model_ids,
        ("JobSpec", "trainingType"): tuple(rules.training_types),
        ("SkuSpec", "name"): rules.limits.deployments.skus,
    }
    for (model, name), offered in words.items():
        field = known[model]["properties"][name]
        for alternatives in [field[key] for key in ("oneOf", "anyOf") if key in field]:
            alternatives[:] = [_offer(each, offered) for each in alternatives]
        if field.get("type") == "string":
            known[model]["properties"][name] = _offer(field, offered)


def _offer(form: Json, words: Sequence[str]) -> Json:
    if form.get("type") != "string":
        return form
    return {**{k: v for k, v in form.items() if k != "type"}, "anyOf": [{"enum": list(words)}, {"type": "string"}]}


def _tell_effects(known: Json, kind: Kind, template: str) -> None:
    """Add to the description of each field under `spec` what an edit of it means."""
    start = template.format(model="")
    document = known[kind.document.__name__]
    for path, field in _fields(known, start, document["properties"]["spec"], ""):
        rule = _rule(kind.rules, path)
        told = _EFFECTS[rule.effect] if rule is not None else ""
        if told and told not in field.get("description", ""):
            field["description"] = f"{field.get('description', '')} {told}".strip()


def _rule(rules: Mapping[str, FieldRule], path: str) -> FieldRule | None:
    """Return the rule of a key: by its dotted path under spec, as a prefix, or by its last part."""
    return rules.get(path) or rules.get(f"{path}.") or rules.get(path.rpartition(".")[2])


def _fields(known: Json, start: str, form: Json, prefix: str) -> Iterator[tuple[str, Json]]:
    """Yield the fields below a form with their dotted paths, through references."""
    for part in (form, *form.get("allOf", ()), *form.get("oneOf", ()), *form.get("anyOf", ())):
        if "$ref" in part:
            yield from _fields(known, start, known[part["$ref"].removeprefix(start)], prefix)
    for name, field in form.get("properties", {}).items():
        yield f"{prefix}{name}", field
        yield from _fields(known, start, field, f"{prefix}{name}.")
