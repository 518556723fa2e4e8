"""The control plane's operations, Azure Monitor's, and signing in."""

from __future__ import annotations

from operations import Exercise, Operation, Surface

SUBSCRIPTION = "/subscriptions/{subscription}"
SERVICE = "Microsoft.CognitiveServices"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}/providers/{SERVICE}/accounts/{{account}}"
LOCATION = f"{SUBSCRIPTION}/providers/{SERVICE}/locations/{{location}}"
INSIGHTS = "/providers/Microsoft.Insights"
TENANT = "/{tenant}"


def _arm(method: str, path: str, call: str, *statuses: int) -> Operation:
    """Return an operation of ARM; the call is the management SDK's unless it names a client of its own."""
    whole = call if call[0].isupper() else f"CognitiveServicesManagementClient.{call}"
    return Operation(method, path, tuple(Exercise(Surface.ARM, status, whole) for status in statuses or (200,)))


def _login(method: str, path: str, *calls: str) -> Operation:
    return Operation(method, path, tuple(Exercise(Surface.LOGIN, 200, call) for call in calls))


_DEPLOYMENT = f"{GROUP}/deployments/{{deployment}}"
_METRICS = f"{GROUP}{INSIGHTS}/metrics"
_EVENTS = f"{SUBSCRIPTION}{INSIGHTS}/eventtypes/management/values"

ARM_OPERATIONS = (
    _arm("GET", GROUP, "accounts.get"),
    _arm("POST", f"{GROUP}/listKeys", "accounts.list_keys"),
    _arm("POST", f"{GROUP}/regenerateKey", "accounts.regenerate_key"),
    _arm("GET", f"{GROUP}/providers/Microsoft.Authorization/permissions", "_send_request"),
    _arm("GET", f"{GROUP}/deployments", "deployments.list"),
    _arm("GET", _DEPLOYMENT, "deployments.get"),
    _arm("PUT", _DEPLOYMENT, "deployments.begin_create_or_update", 201, 200),
    _arm("PATCH", _DEPLOYMENT, "deployments.begin_update"),
    _arm("DELETE", _DEPLOYMENT, "deployments.begin_delete", 200, 202, 204),
    _arm("POST", f"{_DEPLOYMENT}/pause", "_send_request"),
    _arm("POST", f"{_DEPLOYMENT}/resume", "_send_request"),
    _arm("GET", f"{_DEPLOYMENT}/skus", "deployments.list_skus"),
    _arm("GET", f"{GROUP}/models", "accounts.list_models"),
    _arm("GET", f"{GROUP}/usages", "accounts.list_usages"),
    _arm("GET", f"{LOCATION}/operationResults/{{operation}}", "deployments.begin_create_or_update", 200, 202),
    _arm("GET", f"{SUBSCRIPTION}/providers/{SERVICE}/accounts", "accounts.list"),
    _arm(
        "GET",
        f"{SUBSCRIPTION}/resourceGroups/{{group}}/providers/{SERVICE}/accounts",
        "accounts.list_by_resource_group",
    ),
    _arm("GET", f"{LOCATION}/models", "models.list"),
    _arm("GET", f"{LOCATION}/modelCapacities", "location_based_model_capacities.list"),
    _arm("GET", f"{SUBSCRIPTION}/providers/{SERVICE}/modelCapacities", "model_capacities.list"),
    _arm("GET", f"{LOCATION}/usages", "usages.list"),
    _arm("GET", _METRICS, "MonitorManagementClient.metrics.list"),
    _arm("GET", f"{GROUP}{INSIGHTS}/metricDefinitions", "MonitorManagementClient.metric_definitions.list"),
    _arm("GET", _EVENTS, "MonitorManagementClient.activity_logs.list"),
    _arm("POST", f"{SUBSCRIPTION}/metrics:getBatch", "MetricsClient.query_resources"),
    _login("GET", f"{TENANT}/v2.0/.well-known/openid-configuration", "ClientSecretCredential.get_token"),
    _login(
        "POST",
        f"{TENANT}/oauth2/v2.0/token",
        "ClientSecretCredential.get_token",
        "WorkloadIdentityCredential.get_token",
    ),
    _login("GET", "/msi/token", "ManagedIdentityCredential.get_token"),
    _login("GET", "/subscriptions", "CognitiveServicesManagementClient._send_request"),
    _login("GET", SUBSCRIPTION, "CognitiveServicesManagementClient._send_request"),
    _login("GET", "/tenants", "CognitiveServicesManagementClient._send_request"),
)
