"""The control plane's operations, Azure Monitor's, and signing in."""

from __future__ import annotations

from operations import Exercise, Operation, Surface

GROUP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{account}"


def _arm(method: str, path: str, status: int, call: str) -> Operation:
    return Operation(method, path, (Exercise(Surface.ARM, status, f"CognitiveServicesManagementClient.{call}"),))


ARM_OPERATIONS = (_arm("GET", f"{GROUP}/deployments", 200, "deployments.list"),)
