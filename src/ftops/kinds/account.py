"""The account itself, as ARM describes it: the limits that it tells of, which win over the rules' numbers."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from ftops.call import Call, Plane
from ftops.kinds.base import Item
from ftops.kinds.bodies import Body

READ = Call(Plane.ARM, "GET", "")


class _Capability(Body):
    name: str
    value: str | None = None


class _Properties(Body):
    capabilities: tuple[_Capability, ...] = ()


class _Account(Body):
    properties: _Properties = Field(default_factory=_Properties)


def limits_of(body: Item) -> Mapping[str, int]:
    """Return the numbers among an account's capabilities by name (azure-api.md §11.1); others are left out."""
    told = _Account.model_validate(body).properties.capabilities
    return {each.name: int(each.value) for each in told if each.value is not None and each.value.isdecimal()}
