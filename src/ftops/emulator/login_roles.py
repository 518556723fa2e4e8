"""What the tenant's application may do: the roles it can be given, and the action that each operation needs.

ARM's `permissions` is answered from the same table by which requests are let through, so the two cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from ftops.emulator.messages import JsonObject, Request, ServiceError

ARM_ROOTS = frozenset({"/subscriptions", "/tenants"})
"""What everybody may list; it shows what one has a role on."""


class Roles(StrEnum):
    """What the application has been given: everything, one plane only, reading only, or nothing."""

    ALL = "all"
    DATA_PLANE = "data-plane"
    CONTROL_PLANE = "control-plane"
    READER = "reader"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Permission:
    """Actions on ARM and data actions, as patterns of a role definition, less those it excepts."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def holds(self, action: str, *, data: bool) -> bool:
        """Tell whether an action is included."""
        given = self.data_actions if data else self.actions
        return _matches(action, given) and not (not data and _matches(action, self.not_actions))

    def shown(self) -> JsonObject:
        """Return the permission as ARM lists it."""
        return {
            "actions": list(self.actions),
            "notActions": list(self.not_actions),
            "dataActions": list(self.data_actions),
            "notDataActions": [],
        }


_SERVICE = "Microsoft.CognitiveServices"
# The patterns are those of built-in roles: Contributor has no data actions (service-rules.md §11).
_CONTRIBUTOR = Permission(("*",), ("Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"))
PERMISSIONS: Mapping[Roles, Permission] = {
    Roles.ALL: Permission(("*",), (), (f"{_SERVICE}/*",)),
    Roles.DATA_PLANE: Permission((), (), (f"{_SERVICE}/*",)),
    Roles.CONTROL_PLANE: _CONTRIBUTOR,
    Roles.READER: Permission(("*/read",), (), (f"{_SERVICE}/*/read",)),
    Roles.NONE: Permission(),
}


def check_on_arm(roles: Roles, request: Request, client_id: str, object_id: str) -> None:
    """Refuse what the application may not do on ARM.

    What one may do can be asked for without any role; nobody recorded whether the service grants that.
    Raises: ServiceError (403 AuthorizationFailed).
    """
    action = _arm_action(request)
    if not action or PERMISSIONS[roles].holds(action, data=False):
        return
    raise ServiceError(
        403,
        "AuthorizationFailed",
        f"The client '{client_id}' with object id '{object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{request.path}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def check_on_data_plane(roles: Roles, request: Request, object_id: str) -> None:
    """Refuse what the application may not do on the data plane.

    The names of the data actions are unconfirmed (service-rules.md §11), and so is the status, for which azure-api.md
    §3.3 has 403. Raises: ServiceError (403 PermissionDenied).
    """
    action = _data_action(request)
    if PERMISSIONS[roles].holds(action, data=True):
        return
    raise ServiceError(
        403,
        "PermissionDenied",
        f"The principal `{object_id}` lacks the required data action `{action}` to perform `{request.method} "
        f"{request.path}` operation.",
    )


def granted_something_on_arm(roles: Roles) -> bool:
    """Tell whether the application has any action on ARM, without which it sees no subscription."""
    return bool(PERMISSIONS[roles].actions)


_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}
_OPEN = "microsoft.authorization/permissions/read"


def _arm_action(request: Request) -> str:
    """Return the action by its name in a role definition: the provider, its types and a verb; empty if none is needed.

    A path is a provider with types and names in turn: `…/providers/NS/accounts/a/deployments/d`.
    """
    verb = _VERBS.get(request.method, "action")
    before, found, rest = request.path.rpartition("/providers/")
    if not found:
        if before or request.path.lower().rstrip("/") in ARM_ROOTS:
            return ""
        # Azure Monitor's batch is a POST and reads all the same.
        metrics = re.search(r"/metrics:getBatch$", request.path, re.IGNORECASE)
        return "Microsoft.Insights/metrics/read" if metrics else f"Microsoft.Resources/subscriptions/{verb}"
    namespace, *parts = rest.strip("/").split("/")
    types = [*parts[::2], *parts[-1:]] if verb == "action" and len(parts) % 2 == 0 else parts[::2]
    action = "/".join((namespace, *types, verb))
    return "" if action.lower() == _OPEN else action


def _data_action(request: Request) -> str:
    """Return the data action: what the path is about, and a verb."""
    path = re.sub(r"^(/api/projects/[^/]+)?/openai(/v1)?/", "", request.path)
    area = path.split("/")[0].replace("fine_tuning", "fine-tunes").replace("uploads", "files")
    verb = "write" if request.method == "POST" else _VERBS.get(request.method, "write")
    return f"{_SERVICE}/accounts/OpenAI/{area}/{verb}"


def _matches(action: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
