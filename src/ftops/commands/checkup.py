"""The checks of one account for `ftops doctor`: each reads, none writes, and each says how to mend what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ftops.call import Call, Plane
from ftops.errors import NotSignedIn, ServiceProblem, WireError
from ftops.kinds.project import AccountSpec, ApiKeyAuth
from ftops.render.doctor import Check, Level
from ftops.render.text import count
from ftops.wire.client import Client
from ftops.wire.hosts import cloud_of
from ftops.wire.problems import in_words
from ftops.wire.rights import RIGHTS, Granted

LISTED_MAX = 6
"""Quotas that are named in one line."""
LOOK_BACK = timedelta(hours=1)
TUNED_QUOTA = "-finetune"
"""How the names of the quotas of fine-tuned models' deployments end (azure-api.md §11.3)."""
TUNED_COUNT = "FineTuned.Deployments"
METRICS = ("AzureOpenAIRequests", "ModelRequests")
"""Which of the two families an account has depends on its kind and age; an unknown name fails the request (§12)."""
KINDS = ("AIServices", "OpenAI")
"""The kinds of account that have fine-tuning."""


@dataclass(slots=True)
class Checkup:
    """Looks an account over by its client. `embedded` ones have neither credentials nor roles."""

    name: str
    spec: AccountSpec
    client: Client
    embedded: bool = False
    reached: bool = True
    checks: list[Check] = field(default_factory=list)

    def run(self) -> list[Check]:
        """Return what was found, in the order of the doors."""
        self._data_plane()
        if self.client.endpoints.resource_id:
            self._arm()
        else:
            found = "no resourceId: deployments, metrics, the activity log and quotas cannot be read"
            mend = "Add the account's ARM id; `az cognitiveservices account show` prints it as `id`."
            self._note("resource id", Level.WARNING, found, mend)
        return self.checks

    def _note(self, name: str, level: Level, found: str, mend: str = "") -> None:
        if mend and any((check.found, check.mend) == (found, mend) for check in self.checks):
            mend = "As above."  # Two doors that one credential should open.
        self.checks.append(Check(self.name, name, level, found, mend))

    def _fail(self, name: str, level: Level, error: Exception) -> None:
        """Note an error; the way out that stands in it becomes the line below."""
        mend = error.way_out if isinstance(error, ServiceProblem | NotSignedIn) else ""
        self._note(name, level, in_words(error).removesuffix(mend).strip(), mend)

    # --- the data plane

    def _data_plane(self) -> None:
        first = Call(Plane.DATA, "GET", "/files", {"limit": "1"})
        try:
            answered = self.client.call(first)
            self._note("endpoint", Level.OK, f"{self._address()} answers")
        except ServiceProblem as problem:
            if problem.status not in {401, 403}:
                self._fail("endpoint", Level.BROKEN, problem)
                return
            self._note("endpoint", Level.OK, f"{self._address()} answers")
            self._credential()
            self._fail("list files", Level.BROKEN, problem)
        except NotSignedIn as error:
            self._fail("credential", Level.BROKEN, error)
            return
        except (WireError, ValueError) as error:
            self._fail("endpoint", Level.BROKEN, error)
            return
        else:
            self._credential()
            rows = answered.item.get("data")
            self._note("list files", Level.OK, "readable" if rows else "readable, none there")
        self._listing("list jobs", Call(Plane.DATA, "GET", "/fine_tuning/jobs", {"limit": "1"}), Level.BROKEN)

    def _address(self) -> str:
        return self.client.endpoints.data if not self.embedded else f"the emulator in {self.spec.emulator}"

    def _credential(self) -> None:
        if found := self.client.entry.credential(Plane.DATA, self.client.endpoints.data):
            self._note("credential", Level.OK, found)

    def _listing(self, name: str, call: Call, level: Level) -> bool:
        """Note whether a listing's first page can be read."""
        try:
            self.client.call(call)
        except (WireError, ValueError) as error:
            self._fail(name, level, error)
            return False
        self._note(name, Level.OK, "readable")
        return True

    # --- ARM

    def _arm(self) -> None:
        try:
            account = self.client.call(Call(Plane.ARM, "GET", "")).item
        except NotSignedIn as error:
            self._fail("Azure Resource Manager", Level.BROKEN, error)
            return
        except (WireError, ValueError) as error:
            self._fail("account", Level.BROKEN, error)
        else:
            self._account(account)
        self._listing("list deployments", Call(Plane.ARM, "GET", "/deployments"), Level.BROKEN)
        self._metrics()
        self._activity_log()
        self._quotas()
        if not self.embedded:
            self._write_rights()

    def _account(self, account: Mapping[str, object]) -> None:
        kind, place = str(account.get("kind", "")), _plain(str(account.get("location", "")))
        self._note("account", Level.OK, f"{kind} in {place}")
        if kind not in KINDS:
            self._note(
                "kind", Level.BROKEN, f"{kind} has no fine-tuning", "Name an account of kind AIServices or OpenAI."
            )
        if place and place != _plain(self.spec.region):
            found = f"the Project says {self.spec.region}, the account is in {place}"
            self._note(
                "region", Level.WARNING, found, f"Write `region: {place}`: prices and the model matrix go by it."
            )
        given = account.get("properties")
        properties = given if isinstance(given, Mapping) else {}
        if properties.get("disableLocalAuth") is True and isinstance(self.spec.auth, ApiKeyAuth):
            found = "the account has switched keys off (disableLocalAuth)"
            self._note("keys", Level.BROKEN, found, "Take `auth: {apiKeyEnv: …}` out and sign in.")
        self._same_account(str(properties.get("customSubDomainName") or ""))

    def _same_account(self, subdomain: str) -> None:
        """Note whether the endpoint is that of the account that the resource id names."""
        if self.embedded or cloud_of(self.client.endpoints.data) is None:
            return
        label = (urlsplit(self.client.endpoints.data).hostname or "").partition(".")[0]
        if label != subdomain.lower():
            named = f'"{subdomain}"' if subdomain else "one without a name of its own"
            found = f'the endpoint is "{label}", the account of the resourceId {named}'
            mend = "One of the two is another account: files and jobs would come from one, deployments from the other."
            self._note("endpoint and resourceId", Level.BROKEN, found, mend)

    def _now(self) -> datetime | None:
        return self.client.now

    def _metrics(self) -> None:
        now = self._now()
        if now is None:
            return
        span = f"{_iso(now - LOOK_BACK)}/{_iso(now)}"
        problem: Exception | None = None
        for name in METRICS:
            query = {"metricnames": name, "timespan": span, "interval": "PT1H", "aggregation": "Total"}
            try:
                self.client.call(Call(Plane.ARM, "GET", "/providers/Microsoft.Insights/metrics", query))
            except (WireError, ValueError) as error:
                problem = error
            else:
                self._note("metrics", Level.OK, f"readable ({name})")
                return
        if problem is not None:
            self._fail("metrics", Level.WARNING, problem)

    def _activity_log(self) -> None:
        now = self._now()
        if now is None:
            return
        between = f"eventTimestamp ge '{_iso(now - LOOK_BACK)}' and eventTimestamp le '{_iso(now)}'"
        query = {"$filter": f"{between} and resourceUri eq '{self.client.endpoints.resource_id}'"}
        path = "/providers/Microsoft.Insights/eventtypes/management/values"
        self._listing("activity log", Call(Plane.SUBSCRIPTION, "GET", path, query), Level.WARNING)

    def _quotas(self) -> None:
        path = f"/providers/Microsoft.CognitiveServices/locations/{_plain(self.spec.region)}/usages"
        try:
            rows = list(_quotas_of(self.client.list(Call(Plane.SUBSCRIPTION, "GET", path))))
        except (WireError, ValueError) as error:
            self._fail("quotas", Level.WARNING, error)
            return
        if not rows:
            self._note("quotas", Level.OK, "readable, none for fine-tuned models")
            return
        named = [row for row in rows if row.used][:LISTED_MAX]
        shown = "; ".join(f"{row.name} {row.left:g} of {row.limit:g} left" for row in named)
        rest = len(rows) - len(named)
        more = f"{'; and ' if named else ''}{count(rest, 'other' if named else 'unused quota')}" if rest else ""
        if any(row.left <= 0 for row in rows):
            mend = "A quota without room refuses new deployments: lower a capacity, delete one, or ask for more quota."
            self._note("quotas", Level.WARNING, shown + more, mend)
        else:
            self._note("quotas", Level.OK, shown + more)

    def _write_rights(self) -> None:
        """Note what the caller may write, as far as that can be read; nothing is tried."""
        try:
            rows = self.client.list(Call(Plane.ARM, "GET", "/providers/Microsoft.Authorization/permissions"))
        except (WireError, ValueError) as error:
            found = f"unknown: {in_words(error)}"
            self._note("write rights", Level.WARNING, found, "The first apply shows them; a refusal names the role.")
            return
        granted = [
            Granted(*(_texts(row.get(key)) for key in ("actions", "notActions", "dataActions", "notDataActions")))
            for row in rows
        ]
        for right in (each for each in RIGHTS if each.write):
            name = "may train" if right.data else "may deploy"
            if any(each.holds(right) for each in granted):
                self._note(name, Level.OK, right.action)
            elif not (right.data and isinstance(self.spec.auth, ApiKeyAuth)):
                found = f"no role seen with {right.action}"
                self._note(name, Level.WARNING, found, f"It is in {right.roles}.")


@dataclass(frozen=True, slots=True)
class _Quota:
    """A row of the usages."""

    name: str
    used: float
    limit: float

    @property
    def left(self) -> float:
        return self.limit - self.used


def _quotas_of(rows: Sequence[Mapping[str, object]]) -> Iterator[_Quota]:
    """Yield the quotas that deployments of fine-tuned models use and that are not nil, those in use first."""
    found = []
    for row in rows:
        name, used, limit = row.get("name"), row.get("currentValue"), row.get("limit")
        text = str(name.get("value", "")) if isinstance(name, Mapping) else ""
        ours = text.endswith((TUNED_QUOTA, TUNED_COUNT))
        if ours and isinstance(used, int | float) and isinstance(limit, int | float) and limit > 0:
            found.append(_Quota(text.removeprefix("OpenAI."), float(used), float(limit)))
    yield from sorted(found, key=lambda row: (-row.used, row.name))


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _plain(region: str) -> str:
    """Return a region as Azure's lists spell it; accounts keep whatever spelling they were made with (§11.1)."""
    return region.lower().replace(" ", "")


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
