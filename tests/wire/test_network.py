"""The client over a socket: credentials go where they belong, redirects are not followed, pauses move an emulator."""

from __future__ import annotations

import io
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import BinaryIO, cast

import httpx
import pytest

from ftops.call import Call, Plane, Upload
from ftops.errors import Interrupted, NotSignedIn, ServiceProblem, Unreachable, UsageError, WireError
from ftops.rules import Bom
from ftops.testing import NOON, FakeClock
from ftops.wire.client import in_parallel
from ftops.wire.flows import Budget, Limits
from ftops.wire.hosts import AllowedHosts
from ftops.wire.network import Network, OneWorld, Place, Sleeper
from ftops.wire.upload import opened

from .served import KEY, Answer, Fake, client, network, served, told

FILES = Call(Plane.DATA, "GET", "/files", {"purpose": "fine-tune"})
ACCOUNT = Call(Plane.ARM, "GET", "")
RESOURCE_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator/providers/"
    "Microsoft.CognitiveServices/accounts/east"
)


def test_a_key_opens_the_data_plane() -> None:
    """A listing goes to the v1 surface below the endpoint's path, with the key and our name, and nothing else."""
    with served() as (app, root), client(root) as east:
        assert east.list(FILES) == []
        ((method, path, headers),) = app.seen
    assert (method, path) == ("GET", "/east/openai/v1/files")
    assert headers["api-key"] == KEY
    assert headers["user-agent"].startswith("ftops/")
    assert "authorization" not in headers


@pytest.mark.parametrize(
    "proxy", ["bogus://me:hunter2@127.0.0.1:9", "http://me:hunter2@[::1", "socks5://me:hunter2@h:9"]
)
def test_a_proxy_that_cannot_be_one_is_told_without_its_password(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in HTTPS_PROXY is no bug of ours, and its password is not printed."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(WireError, match="HTTPS_PROXY") as raised, client("http://127.0.0.1:9"):
        pass
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_300_reads_over_16_threads() -> None:
    """Three hundred reads go through sixteen threads over kept connections, each answered."""
    with served() as (app, root), client(root) as east:
        answers = in_parallel([lambda: east.call(FILES)] * 300)
        assert [answer.status for answer in answers] == [200] * 300
        assert len(app.seen) == east.calls == 300


def test_sixteen_threads_need_one_token() -> None:
    """However many threads begin at once, each scope is asked for once."""
    fake = Fake()
    with served() as (app, root):
        made = network(root, lambda: fake)
        with made.client(Place("east", f"{root}/east", RESOURCE_ID)) as east:
            in_parallel([lambda: east.call(FILES), lambda: east.call(ACCOUNT)] * 32)
        assert {h["authorization"] for _, path, h in app.seen if "openai" in path} == {
            f"Bearer token-{fake.given.index('https://cognitiveservices.azure.com/.default') + 1}"
        }
    assert sorted(fake.given) == [
        "https://cognitiveservices.azure.com/.default",
        "https://management.azure.com/.default",
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_token_is_replaced_once(method: str) -> None:
    """A 401 asks for one new token and sends the call again, a write too: nothing had been done."""
    fakes = [Fake(), Fake(given=["earlier"])]
    with served() as (app, root):
        app.before = lambda _p, h: told("401 Unauthorized") if h["authorization"].endswith("token-1") else None
        made = network(root, iter(fakes).__next__)
        with made.client(Place("east", f"{root}/east", RESOURCE_ID)) as east:
            call = FILES if method == "GET" else Call(Plane.DATA, "POST", "/fine_tuning/jobs", body={})
            if method == "GET":
                assert east.call(call).status == 200
            else:
                with pytest.raises(ServiceProblem) as caught:
                    east.call(call)
                assert caught.value.status == 400
        assert [h["authorization"] for _, _, h in app.seen] == ["Bearer token-1", "Bearer token-2"]


def test_a_token_that_ended_in_a_wait_is_replaced() -> None:
    """A served emulator whose clock is to be moved may refuse a token as any door may; the clock is moved once."""
    fakes = [Fake(), Fake(given=["earlier"])]
    with served() as (app, root):
        made = network(root, iter(fakes).__next__)
        with made.client(Place("east", f"{root}/east", RESOURCE_ID)) as east:
            east.call(FILES)
            app.before = lambda _p, h: told("401 Unauthorized") if h["authorization"].endswith("token-1") else None
            east.let_pass(7)
        assert app.advanced_s == [7]


def test_a_token_that_is_never_accepted_is_replaced_once_in_all() -> None:
    """Where every token is refused, the second refusal is told, and later calls ask for no more tokens."""
    made_fakes: list[Fake] = []

    def make() -> Fake:
        made_fakes.append(Fake(given=["x"] * len(made_fakes)))
        return made_fakes[-1]

    with served() as (app, root):
        app.before = lambda _path, _headers: told("401 Unauthorized", {"error": {"code": "401", "message": "No."}})
        with network(root, make).client(Place("east", f"{root}/east", RESOURCE_ID)) as east:
            for _ in range(3):
                with pytest.raises(ServiceProblem, match="The credential was not accepted") as caught:
                    east.call(FILES)
                assert caught.value.status == 401
    assert len(made_fakes) == 2


def test_a_redirect_is_not_followed() -> None:
    """An answer that points elsewhere is told with its place, without the query, and nobody is asked there."""
    with served() as (elsewhere, other), served() as (app, root), client(root) as east:
        app.before = lambda _p, _h: told("307 Temporary Redirect", Location=f"{other}/login?sig=hunter2")
        with pytest.raises(WireError, match=r"points to http://127\.0\.0\.1/login, where no credential") as caught:
            east.call(FILES)
        assert (east.calls, elsewhere.seen) == (1, [])
    assert "hunter2" not in str(caught.value)


def test_a_host_that_is_not_allowed_is_refused_before_any_connection() -> None:
    """Without FTOPS_ALLOW_HOSTS nothing connects to a host that is none of Azure's."""
    heard: list[str] = []
    with served() as (app, root):
        made = Network({"FTOPS_KEY": KEY}, FakeClock(), heard.append, heard.append)
        place = Place("east", f"{root}/east", "", "FTOPS_KEY")
        with pytest.raises(WireError, match=r"FTOPS_ALLOW_HOSTS=127\.0\.0\.1"):
            made.client(place)
        with network(root).client(place) as east:
            east.entry.allowed = AllowedHosts()  # type: ignore[attr-defined]
            with pytest.raises(WireError, match="credentials go to no other"):
                east.call(FILES)
        assert app.seen == []


def test_arm_is_held_to_the_same_hosts() -> None:
    """FTOPS_ARM_ENDPOINT cannot send tokens to a host that is not allowed."""
    made = network("https://arm.example")
    place = Place("east", "https://aoai.openai.azure.com", RESOURCE_ID)
    assert set(made.refusals(place)) == {"FTOPS_ARM_ENDPOINT"}
    with pytest.raises(WireError, match=r"arm\.example"):
        made.client(place)


def test_without_a_resource_id_arm_is_not_asked() -> None:
    """The planes of ARM cannot be read, and say why, without a request."""
    with served() as (app, root), client(root) as east:
        for plane in (Plane.ARM, Plane.SUBSCRIPTION):
            with pytest.raises(WireError, match=r"^no resourceId"):
                east.list(Call(plane, "GET", "/deployments"))
        assert (app.seen, east.calls) == ([], 0)


@pytest.mark.parametrize(("value", "words"), [("", "is empty"), ("q w", "cannot be a key"), ("key\nx", "cannot be")])
def test_a_key_that_is_none_is_told_without_it(value: str, words: str) -> None:
    """A variable that is unset, or holds what cannot be a header, is named; what it holds is not shown."""
    with served() as (app, root):
        made = network(root, FTOPS_KEY=value)
        place = Place("east", f"{root}/east", "", "FTOPS_KEY")
        with made.client(place) as east, pytest.raises(NotSignedIn, match=f"FTOPS_KEY .*{words}") as caught:
            east.call(FILES)
        assert not app.seen
    assert not value or value not in str(caught.value)


# --- time


def test_a_pause_moves_a_served_emulator() -> None:
    """A throttled read moves the emulator's clock by what the service asks for, instead of waiting."""
    numbers = count()
    with served() as (app, root), client(root) as east:
        app.before = lambda path, _h: (
            told("429 Too Many Requests", Retry_After="7", Server=app.server_header)
            if path.endswith("/files") and next(numbers) == 0
            else None
        )
        before = app.emulator.now()
        east.call(FILES)
        assert app.advanced_s == [7.0]
        assert app.emulator.now() - before == timedelta(seconds=7)
        assert east.emulated is True


def test_a_pause_on_the_real_service_waits() -> None:
    """Where the Server header names no emulator, the run waits, and no clock is moved."""
    waited: list[float] = []
    numbers = count()
    with served(server_header="") as (app, root), client(root) as east:
        east.pause = waited.append
        app.before = lambda _p, _h: told("503 Unavailable", retry_after_ms="1500") if next(numbers) == 0 else None
        east.call(FILES)
        assert (waited, app.advanced_s, east.emulated) == ([1.5], [], False)


def test_a_clock_that_cannot_be_moved_is_told() -> None:
    """An emulator that refuses to move its clock is an error, not an endless wait."""
    with served() as (app, root), client(root) as east:
        east.call(FILES)
        app.before = lambda path, _h: told("400 Bad Request") if "advance" in path else None
        with pytest.raises(WireError, match="could not be moved: it answered 400"):
            east.let_pass(5)


def test_a_wait_ends_with_the_run() -> None:
    """A thread that waits is woken when the run ends."""
    sleeper, ended = Sleeper(), threading.Event()

    def wait() -> None:
        with pytest.raises(Interrupted):
            sleeper(3600)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    sleeper.close()
    thread.join()
    assert ended.is_set()


@pytest.mark.parametrize(("minutes", "warned"), [(4, False), (6, True), (-6, True)])
def test_a_wrong_clock_warns_once(minutes: int, *, warned: bool) -> None:
    """The machine's clock is compared with the first answer's Date; more than five minutes warn."""
    with served(server_header="") as (_app, root):
        heard: list[str] = []
        made = network(root)
        made.clock, made.warn = FakeClock(NOON + timedelta(minutes=minutes)), heard.append
        with made.client(Place("east", f"{root}/east", "", "FTOPS_KEY")) as east:
            east.call(FILES)
            east.call(FILES)
    assert len(heard) == int(warned)
    assert not warned or f"{abs(minutes)} minutes {'ahead of' if minutes > 0 else 'behind'} that of east" in heard[0]


def test_an_emulators_clock_is_its_own() -> None:
    """An emulator years away warns of nothing."""
    with served() as (_app, root):
        heard: list[str] = []
        made = network(root)
        made.clock, made.warn = FakeClock(NOON + timedelta(days=900)), heard.append
        with made.client(Place("east", f"{root}/east", "", "FTOPS_KEY")) as east:
            east.call(FILES)
    assert not heard


def test_emulators_and_real_accounts_do_not_mix() -> None:
    """When one account turns out to be an emulator and another real, the pass stops before it writes."""
    world = OneWorld()
    world.meet("east", emulated=False)
    world.meet("east", emulated=True)  # The first answer was a gateway's.
    world.meet("west", emulated=True)
    with pytest.raises(UsageError, match="never touches both"):
        world.meet("north", emulated=False)


# --- what keeps an answer from coming


@contextmanager
def deaf_port() -> Iterator[int]:
    """Give a port of loopback that nobody listens on, and that nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def test_nobody_listens() -> None:
    """A port without a listener is knocked on three times, by a write too, and told with a way out."""
    waited: list[float] = []
    with deaf_port() as port, client(f"http://127.0.0.1:{port}") as east:
        east.pause = waited.append
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1 takes no connection: .*Check the endpoint"):
            east.call(Call(Plane.DATA, "POST", "/fine_tuning/jobs", body={}))
        assert (east.calls, len(waited)) == (3, 2)


@pytest.mark.parametrize(
    ("error", "cause", "kind", "words"),
    [
        (
            httpx.ConnectError("x"),
            ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED"),
            WireError,
            "SSL_CERT_FILE",
        ),
        (httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known"), Unreachable, "cannot be resolved"),
        (httpx.ConnectTimeout("x"), None, Unreachable, "HTTPS_PROXY"),
        (httpx.ProxyError("403 Forbidden"), None, Unreachable, "NO_PROXY"),
    ],
    ids=["certificate", "name", "timeout", "proxy"],
)
def test_failures_are_sentences(
    error: httpx.HTTPError, cause: Exception | None, kind: type[WireError], words: str
) -> None:
    """A certificate, a name, a firewall and a proxy are told each by what mends it, and named by the host."""
    error.__cause__ = cause

    def refuse(_request: httpx.Request) -> httpx.Response:
        raise error

    made = network("https://127.0.0.1")
    with made.client(Place("east", "https://aoai.openai.azure.com", "", "FTOPS_KEY")) as east:
        east.http.close()
        east.http = httpx.Client(transport=httpx.MockTransport(refuse))
        east.limits = Limits(knocks=1)
        with pytest.raises(kind, match=words) as caught:
            east.call(FILES)
    assert type(caught.value) is kind
    assert kind is WireError or "aoai.openai.azure.com" in str(caught.value) or "proxy" in str(caught.value)


def test_a_certificate_nobody_vouches_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable SSL_CERT_FILE is told by its name."""
    from ftops.wire.network import tls_context  # noqa: PLC0415

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    tls_context.cache_clear()
    with pytest.raises(WireError, match=r"missing\.pem cannot be read as a list of authorities"):
        tls_context()


def test_a_file_that_cannot_be_opened_is_told_by_its_name(tmp_path: Path) -> None:
    """A file that is gone when it is to be sent is named, and nothing is sent."""
    upload = Upload(tmp_path / "gone.jsonl", "gone.jsonl", "fine-tune", "0" * 64)
    with served() as (_app, root), client(root) as east:
        with pytest.raises(WireError, match=r"gone\.jsonl cannot be read, so nothing was uploaded: No such file"):
            east.call(Call(Plane.DATA, "POST", "/files", body=upload))
        assert east.calls == 0


class _Failing(io.RawIOBase):
    """A disk that fails."""

    def tell(self) -> int:
        return 0

    def read(self, _size: int = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_disk_that_fails_in_the_middle_is_told_by_the_files_name(tmp_path: Path) -> None:
    """What the system says while a file is read on becomes a sentence, not a traceback."""
    upload = Upload(tmp_path / "train.jsonl", "train.jsonl", "fine-tune", "0" * 64)
    upload.path.write_bytes(b"x")
    with opened(upload, Bom.KEEP, lambda _sent, _size: None) as content:
        content.source = cast("BinaryIO", _Failing())
        with pytest.raises(WireError, match=r"train\.jsonl cannot be read, so nothing was uploaded: Input/output"):
            content.whole().read(1)


# --- the budget


def test_a_run_has_one_budget_of_repetitions() -> None:
    """When the budget is used up, a failing read is told at once, whichever call used it."""
    answer: Answer = told("503 Unavailable", {"error": {"code": "serviceUnavailable", "message": "Later."}})
    with served() as (app, root), client(root) as east:
        east.budget = Budget(left=6)
        east.pause = lambda _s: None
        app.server_header, app.before = "", lambda _p, _h: answer
        for expected in (5, 3, 1):
            before = east.calls
            with pytest.raises(ServiceProblem):
                east.call(FILES)
            assert east.calls - before == expected
