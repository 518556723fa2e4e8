"""The emulator: takes a request, lets the virtual world move up to now, answers. One request is one transaction."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from ftops.clock import Clock
from ftops.emulator import (
    accounts,
    control,
    deployment_life,
    deployments,
    fault_answers,
    faults,
    files,
    inference,
    job_life,
    login,
    login_doors,
)
from ftops.emulator.addresses import addressed
from ftops.emulator.arm_pages import arm_allowance
from ftops.emulator.context import Ahead, Context, Limits, Quirks
from ftops.emulator.faults import Effect, Fault
from ftops.emulator.in_force import InForce
from ftops.emulator.login_tokens import Identity
from ftops.emulator.messages import JsonObject, Request, Response, ServiceError, gateway_not_found
from ftops.emulator.places import API_VERSIONS, is_arm, locate
from ftops.emulator.routes import Route, target
from ftops.emulator.server import wsgi_app
from ftops.emulator.store import Document, Kind, Store
from ftops.emulator.trouble import Trouble
from ftops.emulator.world import settle, tick

LOG_MAX = 10_000
SERVER_NAME = "ftops-emulator"
PERSON = "somebody@example.com"


class Emulator:
    """An Azure OpenAI service with fine-tuning, in one file or in memory, on a clock of its own.

    The virtual clock stands still except for `advance` and `pause`; the emulator is itself a Clock.
    """

    arm_endpoint = accounts.ARM_ENDPOINT
    resource_id = staticmethod(accounts.resource_id)
    endpoint = staticmethod(accounts.endpoint)

    def __init__(self, path: Path | None, clock: Clock, *, require_auth: bool = False) -> None:
        """Open or create the store at `path`, or in memory.

        Args: clock: the system's time, which begins the virtual time of a new store and by which tokens expire.
        require_auth: refuse requests without a credential that fits, as a served emulator does.
        """
        self._clock = clock
        self._store = Store(path, clock.now())
        self._require_auth = require_auth
        self.identity = Identity(self._store, clock.now)
        self._desk = login.Desk(self._store, self.identity, lambda: self.limits)
        self.faults = faults.FaultTable()
        self.in_force = InForce(self._store)
        self._limits = Limits()
        self._quirks = Quirks()
        self._controls = control.Controls(
            self._store, self.in_force, lambda: (self._limits, self._quirks), self._forget
        )
        # A caller of a served emulator lives in the system's time, that of an embedded one in the virtual one.
        self._linger = clock.pause if require_auth else self.pause
        self.requests = 0
        self.log: deque[str] = deque(maxlen=LOG_MAX)
        self.app = wsgi_app(self)
        with self._store.transaction():
            deployment_life.adopt(self._store)

    # --- the world

    @property
    def limits(self) -> Limits:
        """The limits in force; set, they are those of this process, over which the store's description is laid."""
        return self.in_force.limits(self._limits)

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits

    @property
    def quirks(self) -> Quirks:
        """The quirks in force, likewise."""
        return self.in_force.quirks(self._quirks)

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self._quirks = quirks

    def put_trouble(self, trouble: Trouble) -> None:
        """Put a description of trouble in force, in every process that opens the store, instead of what was."""
        with self._store.transaction():
            self.in_force.put(trouble)

    def ensure_account(self, name: str, region: str) -> None:
        """Create an account unless it exists."""
        with self._store.transaction():
            if self._store.get(Kind.ACCOUNT, name.lower(), name.lower()) is None:
                self._store.put(accounts.new_account(name, region, self.now().timestamp()))

    def set_metric_families(self, account: str, families: str) -> None:
        """Choose which metrics an account emits: `openai`, `foundry` or `both`.

        Raises: KeyError for an unknown account, ValueError for another word.
        """
        if families not in accounts.FAMILIES:
            raise ValueError(families)
        with self._store.transaction():
            document = self._store.get(Kind.ACCOUNT, account.lower(), account.lower())
            if document is None:
                raise KeyError(account)
            self._store.put(document.changed(sim={"metric_families": families}))

    def accounts(self) -> dict[str, str]:
        """Return the region of each account by its name, oldest first."""
        return {account.api["name"]: account.api["location"] for account in self._store.every(Kind.ACCOUNT)}

    def now(self) -> datetime:
        """Return the virtual moment."""
        return self._store.now()

    def pause(self, seconds: float) -> None:
        """Advance the virtual clock by `seconds`, at once."""
        self.advance(timedelta(seconds=seconds))

    def advance(self, duration: timedelta) -> datetime:
        """Advance the virtual clock and return the new moment; the world follows at the next request.

        Raises: ValueError for a negative duration.
        """
        if duration < timedelta(0):
            text = f"virtual time does not run backwards: {duration}"
            raise ValueError(text)
        with self._store.transaction():
            moment = self._store.now() + duration
            self._store.set_now(moment)
        return moment

    def reset(self) -> None:
        """Forget everything except the accounts; time, ids and faults begin anew."""
        with self._store.transaction():
            self._forget()

    def _forget(self) -> None:
        self._store.reset(self._clock.now())
        self.faults.clear()

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def snapshot(self, account: str) -> dict[str, list[JsonObject]]:
        """Return the account's objects as plain data, oldest first, as they are now; nothing is changed by looking."""
        with self._store.transaction(keep=False):
            tick(self._store, self._store.now(), self.limits)
            name = account.lower()
            return {
                "files": [document.api for document in self._store.all(Kind.FILE, name)],
                "jobs": [document.api for document in self._store.all(Kind.JOB, name)],
                "models": [{"id": document.id, **document.api} for document in self._store.all(Kind.MODEL, name)],
                "deployments": [document.api for document in self._store.all(Kind.DEPLOYMENT, name)],
            }

    # --- what a person does behind the caller's back

    def cancel_job(self, job_id: str) -> None:
        """Cancel a job.

        Raises: KeyError when there is no such job, here and below likewise.
        """
        self._by_hand(Kind.JOB, job_id, lambda job, moment: job_life.cancel(self._store, job, moment))

    def place_file(self, account: str, filename: str, purpose: str, size_bytes: int) -> str:
        """Let a file be there that somebody uploaded, without its bytes, and return its id."""
        with self._store.transaction():
            told = {"filename": filename, "purpose": purpose, "bytes": size_bytes}
            return files.place(self._store, account.lower(), int(self._store.now().timestamp()), told).id

    def delete_file(self, file_id: str) -> None:
        """Delete a file."""
        self._by_hand(Kind.FILE, file_id, lambda document, _: self._store.delete(document))

    def delete_deployment(self, name: str, by: str = PERSON) -> None:
        """Delete a deployment at once; the Activity Log says `by` whom."""
        self._by_hand(
            Kind.DEPLOYMENT,
            name.lower(),
            lambda document, moment: deployments.remove(self._store, document, moment, by),
        )

    def edit_deployment(self, name: str, by: str = PERSON, **changes: Any) -> None:  # noqa: ANN401  wire members
        """Change a deployment's `sku`, `capacity`, `tags`, `model` (its name) or any property at once."""
        self._by_hand(
            Kind.DEPLOYMENT,
            name.lower(),
            lambda document, moment: deployments.edit(self._store, document, changes, moment, by),
        )

    def lose_job_record(self, job_id: str) -> None:
        """Make a job's record disappear, while its model and checkpoints stay."""
        self._by_hand(Kind.JOB, job_id, lambda job, _: self._store.delete(job))

    def _by_hand(self, kind: Kind, key: str, act: Callable[[Document, float], object]) -> None:
        with self._store.transaction():
            now = self._store.now()
            tick(self._store, now, self.limits)
            document = self._store.find(kind, key)
            if document is None:
                raise KeyError(key)
            act(document, float(int(now.timestamp())))
            settle(self._store, now, self.limits)

    # --- requests

    def handle(self, request: Request) -> Response:
        """Answer one request, with the faults that act on it.

        Raises: ConnectionResetError when a fault drops the connection.
        """
        request = addressed(self._store, request)
        fired = self._fired(request)
        if stands_s := fault_answers.slowness_s(fired, Effect.SLOW_UPLOAD):
            self._linger(stands_s)
        with self._prepared(request) as prepared, self._store.lock, self.in_force.steady():
            ended = fault_answers.before(fired, request.path, self.now())
            if ended is not None:
                self._count_refused(request, fired, ended.status)
            else:
                with self._store.transaction():
                    answer = self._answer(request, fired, prepared)
                ended = fault_answers.after(fired) or answer
            told = {"Date": format_datetime(self.now().astimezone(UTC), usegmt=True), "Server": SERVER_NAME}
            ended = ended.with_headers(told)
        slow_s = fault_answers.slowness_s(fired, Effect.SLOW_ANSWER)
        return fault_answers.slowly(ended, lambda: self._linger(slow_s)) if slow_s else ended

    def _fired(self, request: Request) -> tuple[Fault, ...]:
        """Count the request with the rules that fit it, before anything is received, and return those that act."""
        token = login_doors.bearer_token(request)
        digest = hashlib.sha256(token.encode()).hexdigest() if token else ""
        with self._store.lock:
            self.requests += 1
            self.log.append(f"{request.method} {request.path}")
            if control.is_control(request.path):
                return ()
            asked = faults.Asked(request.method, request.path, self.requests, digest)
            return self.faults.fire(asked) + self.in_force.fire(asked)

    @contextmanager
    def _prepared(self, request: Request) -> Iterator[object]:
        """Yield what an operation does before the store is locked; None for the others and for what will be refused."""
        try:
            self._admit(request)
            place = locate(self._store, request)
            meant = target(place.routes, place.surface, request.method, place.rest)
        except ServiceError:
            yield None
            return
        if meant.route.ahead is None:
            yield None
            return
        with meant.route.ahead(
            Ahead(self._store, request, place.account, self.limits, self._clock), *meant.names
        ) as prepared:
            yield prepared

    def _admit(self, request: Request) -> None:
        if self._require_auth and login.needs_credential(request):
            login_doors.admit(self.identity, request, self.limits)

    def _answer(self, request: Request, fired: tuple[Fault, ...], prepared: object) -> Response:
        now = self._store.now()
        self._store.count_request()
        tick(self._store, now, self.limits)
        try:
            with self._store.undone_on_error():
                self._admit(request)
                response = login.answer(self._desk, request) or control.answer(self._controls, request)
                response = response or self._dispatch(request, fired, now, prepared)
        except ServiceError as error:
            response = error.response().with_headers(error.headers)
        if request.method != "GET":
            settle(self._store, now, self.limits)
        return response.with_headers(self._service_headers(request, self._store.request_id()))

    def _count_refused(self, request: Request, fired: tuple[Fault, ...], status: int) -> None:
        """Count a call that a fault refused: the service's metrics show it with its status."""
        if request.method != "POST" or not inference.is_call(request.path):
            return
        with self._store.transaction():
            now = self._store.now()
            tick(self._store, now, self.limits)
            with suppress(ServiceError):
                ctx, _, rest = self._context(request, fired, now)
                inference.count_refused(ctx, rest, status)

    def _dispatch(self, request: Request, fired: tuple[Fault, ...], now: datetime, prepared: object) -> Response:
        ctx, routes, rest = self._context(request, fired, now)
        meant = target(routes, ctx.surface, request.method, rest)
        if meant.route.ahead is None:
            return meant.route.handler(ctx, *meant.names)
        if (
            prepared is None
        ):  # It would have been refused before the lock, and another process made its account meanwhile.
            raise gateway_not_found()
        return meant.route.handler(ctx, prepared, *meant.names)

    def _context(
        self, request: Request, fired: tuple[Fault, ...], now: datetime
    ) -> tuple[Context, tuple[Route, ...], str]:
        place = locate(self._store, request)
        version = request.query.get("api-version", "")
        where = (place.surface, place.account, version)
        ctx = Context(self._store, request, *where, now, fired, self.limits, self.quirks, self.identity)
        return ctx, place.routes, place.rest

    def _service_headers(self, request: Request, key: str) -> dict[str, str]:
        sent = request.headers.get("x-ms-client-request-id")
        echoed = {"x-ms-client-request-id": sent} if sent else {}
        if is_arm(request.path):
            return {
                "x-ms-request-id": key,
                "x-ms-correlation-request-id": key,
                **arm_allowance(request.method),
                **echoed,
            }
        account = self._store.get(Kind.ACCOUNT, request.account, request.account)
        region = account.api["location"] if account else "emulator"
        shown = {"x-ms-region": region, "api-supported-versions": API_VERSIONS}
        return {"apim-request-id": key, **shown, **echoed}
