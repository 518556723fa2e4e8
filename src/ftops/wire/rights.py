"""What a refusal means for whoever has to mend it: the rights of operations, and the roles that hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus

from ftops.call import Call, Plane


@dataclass(frozen=True, slots=True)
class Right:
    """What calls of a kind need: the action by its name in a role definition, and roles that have it.

    `write` says that reading does not need it. `data` tells a data action, which Owner and Contributor do not have.
    """

    plane: Plane
    path: re.Pattern[str]
    write: bool
    action: str
    roles: str
    data: bool = False


KEYS_SWITCHED_OFF = "AuthenticationTypeDisabled"
"""How an account refuses every key; neither the code nor its status is confirmed (azure-api.md §2.2)."""
_MANAGE = (
    "Foundry Owner (formerly Azure AI Owner), or Cognitive Services Contributor or Cognitive Services OpenAI "
    "Contributor on an Azure OpenAI resource"
)
_TRAIN = "Foundry User (formerly Azure AI User), or Cognitive Services OpenAI Contributor on an Azure OpenAI resource"
RIGHTS = (
    Right(
        Plane.ARM,
        re.compile(r"/providers/Microsoft\.Insights/.*", re.IGNORECASE),
        write=False,
        action="Microsoft.Insights/metrics/read",
        roles="Monitoring Reader on the account",
    ),
    Right(
        Plane.ARM,
        re.compile(r"/deployments.*"),
        write=True,
        action="Microsoft.CognitiveServices/accounts/deployments/write",
        roles=_MANAGE,
    ),
    Right(
        Plane.ARM,
        re.compile(r"/deployments.*"),
        write=False,
        action="Microsoft.CognitiveServices/accounts/deployments/read",
        roles=f"Reader, {_MANAGE}",
    ),
    Right(
        Plane.ARM,
        re.compile(r".*"),
        write=False,
        action="Microsoft.CognitiveServices/accounts/read",
        roles="Reader on the account",
    ),
    Right(
        Plane.SUBSCRIPTION,
        re.compile(r"/providers/Microsoft\.Insights/.*", re.IGNORECASE),
        write=False,
        action="Microsoft.Insights/eventtypes/values/read",
        roles="Monitoring Reader or Reader on the account",
    ),
    Right(
        Plane.SUBSCRIPTION,
        re.compile(r".*"),
        write=False,
        action="Microsoft.CognitiveServices/locations/usages/read",
        roles="Cognitive Services Usages Reader on the subscription",
    ),
    Right(
        Plane.DATA,
        re.compile(r".*"),
        write=True,
        action="Microsoft.CognitiveServices/accounts/OpenAI/fine-tunes/write",
        roles=_TRAIN,
        data=True,
    ),
    Right(
        Plane.DATA,
        re.compile(r".*"),
        write=False,
        action="Microsoft.CognitiveServices/accounts/OpenAI/fine-tunes/read",
        roles=_TRAIN,
        data=True,
    ),
)
"""From service-rules.md §11. The names of the data actions are not confirmed there; they are only looked for."""


def right_of(call: Call) -> Right | None:
    """Return what a call needs."""
    fitting = (r for r in RIGHTS if r.plane is call.plane and r.write != call.reads and r.path.fullmatch(call.path))
    return next(fitting, None)


def way_out(call: Call, status: int, code: str) -> str:
    """Return what to do about a credential that is refused, in a sentence; empty for any other refusal.

    What other refusals mean stands in rules/troubles.toml: these are apart because the sentence depends on the call.
    """
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _of_credential(call, status, code)
    return ""


def _of_credential(call: Call, status: int, code: str) -> str:
    if code == KEYS_SWITCHED_OFF:
        return (
            "The account has switched keys off (disableLocalAuth): take `auth: {apiKeyEnv: …}` out of the Project, and "
            "sign in."
        )
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            "The credential was not accepted there: a key of another account or one that was replaced, a sign-in to "
            "another tenant, or an endpoint in another cloud than the sign-in. `ftops doctor` tells which credential "
            "was used."
        )
    right = right_of(call)
    soon = "A new role takes some minutes to come into force"
    if right is None:
        return f"{soon}."
    if right.data:  # The service names the data action; we do not know their names.
        others = "Owner and Contributor have no rights to data"
        closed = "an account that is closed to public networks answers so too"
        return f"It needs the role {right.roles}; {others}. {soon}; {closed}."
    return f"It needs {right.action}, which is in {right.roles}. {soon}."


@dataclass(frozen=True, slots=True)
class Granted:
    """One permission of the caller, as ARM lists them: patterns of actions, less those it excepts."""

    actions: Sequence[str]
    not_actions: Sequence[str]
    data_actions: Sequence[str]
    not_data_actions: Sequence[str]

    def holds(self, right: Right) -> bool:
        """Tell whether the permission includes a right."""
        given = self.data_actions if right.data else self.actions
        excepted = self.not_data_actions if right.data else self.not_actions
        return _matches(right.action, given) and not _matches(right.action, excepted)


def _matches(action: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
