"""Requests as such: surfaces, headers, errors, faults, threads, death and reopening."""

from __future__ import annotations

import io
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

import ftops.emulator
from ftops.emulator import Effect, Emulator, Fault, Stage

from .conftest import ACCOUNT, Caller, new_emulator, rows


class Death(BaseException):
    """Stands for the end of the process."""


def _die() -> None:
    raise Death


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/openai/v1/files", 200),
        ("/openai/v1/files?api-version=preview", 200),
        ("/openai/v1/files?api-version=2024-10-21", 404),
        ("/openai/files?api-version=2025-04-01-preview", 200),
        ("/openai/files?api-version=2024-10-21", 200),
        ("/openai/files", 404),
        ("/openai/files?api-version=latest", 404),
        ("/api/projects/p/openai/files?api-version=2025-11-15-preview", 200),
        ("/api/projects/p/openai/v1/files", 200),
        ("/openai/v1/nothing", 404),
        ("/files", 404),
        ("/openai/v1/v1/files", 404),
    ],
)
def test_surfaces(emulator: Emulator, path: str, status: int) -> None:
    """Each surface has its rule for api-version; a wrong path or version is the gateway's 404."""
    response = Client(emulator.app).get(path, base_url=emulator.endpoint(ACCOUNT))
    assert response.status_code == status
    if status == 404:
        assert response.json == {"error": {"code": "404", "message": "Resource not found"}}


def test_public_names() -> None:
    """The package exports what tests and the command line need, and nothing else."""
    names = "EVERY Effect Emulator Fault FaultTable Limits Met Part Problem Quirks Request Response Spelling Stage"
    quirks = {"Cancelled", "HealthyError", "Metadata", "MethodEcho", "Queued", "SuffixMember"}
    trouble = {"Roles", "Trouble", "names_of", "read_trouble", "TrainingTypeEcho", "UnknownAfter"}
    assert set(ftops.emulator.__all__) == {*names.split()} | quirks | trouble


def test_unknown_account(emulator: Emulator) -> None:
    """A host without an account is the gateway's 404."""
    response = Client(emulator.app).get("/openai/v1/files", base_url="https://nobody.openai.emulator")
    assert (response.json or {})["error"]["code"] == "404"


def test_headers(emulator: Emulator, v1: Caller) -> None:
    """Answers carry the virtual date and the ids of the request, on errors too."""
    emulator.pause(61)
    for path in ("/files", "/files/file-0"):
        headers = v1.call("GET", path, headers={"x-ms-client-request-id": "me"}).headers
        assert headers["Date"] == "Mon, 02 Nov 2026 09:01:01 GMT"
        assert headers["x-ms-region"] == "swedencentral"
        assert headers["api-supported-versions"].endswith(",1")
        assert headers["x-ms-client-request-id"] == "me"
        assert len(headers["apim-request-id"]) == 36
    assert len(v1.arm("GET", "").headers["x-ms-request-id"]) == 36


def test_accounts_are_apart(emulator: Emulator, v1: Caller) -> None:
    """What one account holds, another does not show."""
    emulator.ensure_account("other", "eastus2")
    emulator.ensure_account("other", "westus")
    key = v1.ready_file()
    response = v1.call("GET", f"/files/{key}", base_url=emulator.endpoint("other"))
    assert (response.status_code, response.headers["x-ms-region"]) == (404, "eastus2")


def test_requests_are_counted(emulator: Emulator, v1: Caller) -> None:
    """The process knows how many requests it handled and which."""
    v1.get("/files")
    v1.arm("GET", "/deployments")
    assert emulator.requests == 2
    assert emulator.log[0] == "GET /openai/v1/files"


@pytest.mark.parametrize(
    ("effect", "error", "happened"),
    [
        (Effect.DROP_BEFORE, ConnectionResetError, 0),
        (Effect.DROP_AFTER, ConnectionResetError, 1),
        (Effect.DIE_BEFORE, Death, 0),
        (Effect.DIE_AFTER, Death, 1),
    ],
)
def test_lost_requests(v1: Caller, effect: Effect, error: type[BaseException], happened: int) -> None:
    """A request is lost before anything happens, or after everything has; the next one passes."""
    file = v1.ready_file()
    v1.emulator.faults.add(Fault(effect, "POST", "/jobs$", die=_die))
    with pytest.raises(error):
        v1.train(training_file=file)
    assert len(v1.emulator.snapshot(ACCOUNT)["jobs"]) == happened
    assert v1.train(training_file=file).status_code == 201


@pytest.mark.parametrize(("effect", "happened"), [(Effect.STATUS_BEFORE, 0), (Effect.STATUS_AFTER, 1)])
def test_status_faults(v1: Caller, effect: Effect, happened: int) -> None:
    """A fault answers with its own status, code and headers, before or after the deed."""
    headers = {"retry-after-ms": "50"}
    fault = Fault(effect, "POST", "/files$", status=429, code="tooManyRequests", message="slow", headers=headers)
    v1.emulator.faults.add(fault)
    response = v1.upload(rows(10))
    assert response.status_code == 429
    assert response.json == {"error": {"code": "tooManyRequests", "message": "slow"}}
    assert response.headers["retry-after-ms"] == "50"
    assert "Date" in response.headers
    assert len(v1.emulator.snapshot(ACCOUNT)["files"]) == happened


def test_which_requests_a_fault_takes(v1: Caller) -> None:
    """Occurrences count the fitting requests from the adding of the rule; a request's number counts all of them."""
    statuses: Callable[[], list[int]] = lambda: [v1.call("GET", "/files").status_code for _ in range(4)]  # noqa: E731
    v1.emulator.faults.add(Fault(Effect.STATUS_BEFORE, "GET", nth=2, count=2))
    assert statuses() == [200, 500, 500, 200]
    v1.emulator.faults.clear()
    v1.emulator.faults.add(Fault(Effect.STATUS_BEFORE, request=v1.emulator.requests + 3, status=503))
    assert statuses() == [200, 200, 503, 200]


def test_stale_listing(v1: Caller) -> None:
    """A stale listing hides what is younger than its window, while reading it by id works."""
    v1.emulator.faults.add(Fault(Effect.STALE_LISTING, path="/files$", window_s=30))
    key = v1.ready_file()
    assert v1.get("/files")["data"] == []
    assert v1.get(f"/files/{key}")["id"] == key
    v1.emulator.pause(25)
    assert [item["id"] for item in v1.get("/files")["data"]] == [key]


@pytest.mark.parametrize(
    ("fault", "member", "value"),
    [
        (Fault(Effect.DROP_SUFFIX), "suffix", None),
        (Fault(Effect.CUT_SUFFIX, keep=4), "suffix", "abcd"),
        (Fault(Effect.WRONG_TRAINING_TYPE, training_type="globalStandard"), "trainingType", "globalStandard"),
    ],
)
def test_wrong_echoes(v1: Caller, fault: Fault, member: str, value: str | None) -> None:
    """A service with a bad habit stores another job than was asked for, every time."""
    v1.emulator.faults.add(fault)
    file = v1.ready_file()
    for _ in range(2):
        assert (v1.train(training_file=file, suffix="abcdefgh").json or {}).get(member) == value


@pytest.mark.parametrize("stage", list(Stage))
def test_failing_job(v1: Caller, stage: Stage) -> None:
    """A job can be made to fail at its data check or in training, with a given error."""
    v1.emulator.faults.add(Fault(Effect.FAIL_JOB, count=1, stage=stage, code="contentFilter", message="no"))
    job = v1.trained()
    assert (job["status"], job["error"]) == ("failed", {"code": "contentFilter", "message": "no"})
    assert ("result_files" in job) == (stage is not Stage.DATA_CHECK)
    assert "fine_tuned_model" not in job
    assert v1.trained()["status"] == "succeeded"


def test_account_without_tags(v1: Caller) -> None:
    """An account with the habit never stores tags."""
    v1.emulator.faults.add(Fault(Effect.DROP_TAGS))
    response = v1.deploy("d-1", "gpt-4o", model_version="2024-08-06", body={"tags": {"a": "b"}})
    assert "tags" not in (response.json or {})


def test_lost_record(v1: Caller) -> None:
    """A lost job record is gone from listings while its model can still be deployed; a person can cancel others."""
    job = v1.trained()
    v1.emulator.lose_job_record(job["id"])
    assert v1.get("/fine_tuning/jobs")["data"] == []
    assert v1.deploy("d-1", job["fine_tuned_model"]).status_code == 201
    other = v1.job()
    v1.emulator.cancel_job(other)
    assert v1.get(f"/fine_tuning/jobs/{other}")["status"] == "cancelled"


def test_reopened(tmp_path: Path) -> None:
    """A store that is opened again goes on with its time, its objects and its ids."""
    path = tmp_path / "world.db"
    emulator = new_emulator(path)
    caller = Caller(emulator)
    key = caller.job()
    emulator.advance(timedelta(minutes=1))
    before, now = emulator.snapshot(ACCOUNT), emulator.now()
    emulator.close()
    again = new_emulator(path)
    assert (again.snapshot(ACCOUNT), again.now(), again.requests) == (before, now, 0)
    again.advance(timedelta(days=1))
    assert Caller(again).get(f"/fine_tuning/jobs/{key}")["status"] == "succeeded"
    again.close()


def _upload_and_die(path: Path) -> None:
    emulator = new_emulator(path)
    emulator.faults.add(Fault(Effect.DIE_AFTER, request=2))
    for _ in range(3):
        Caller(emulator).upload(rows(10))


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # pytest's own threads do not follow.
def test_real_death(tmp_path: Path) -> None:
    """A process that dies after its second request leaves exactly two committed requests."""
    path = tmp_path / "world.db"
    process = multiprocessing.get_context("fork").Process(target=_upload_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    emulator = new_emulator(path)
    assert len(emulator.snapshot(ACCOUNT)["files"]) == 2
    emulator.close()


def test_cut_upload(tmp_path: Path) -> None:
    """An upload whose caller goes away in the middle leaves nothing, and the store goes on."""
    emulator = new_emulator(tmp_path / "world.db")
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: text/plain\r\n\r\n'
    environ = EnvironBuilder("/openai/v1/files", emulator.endpoint(ACCOUNT), method="POST").get_environ()
    environ["wsgi.input"] = io.BytesIO(head + rows(5_000))
    environ["CONTENT_TYPE"] = "multipart/form-data; boundary=B"
    environ["CONTENT_LENGTH"] = "10000000"
    with pytest.raises(ClientDisconnected):
        run_wsgi_app(emulator.app, environ)
    assert emulator.snapshot(ACCOUNT)["files"] == []
    assert Caller(emulator).upload(rows(10)).status_code == 201
    emulator.close()


def test_threads(tmp_path: Path) -> None:
    """Requests from several threads all happen, one after the other."""
    emulator = new_emulator(tmp_path / "world.db")
    caller = Caller(emulator)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: caller.upload(rows(10)).status_code, range(40)))
    assert answers == [201] * 40
    assert len({item["id"] for item in emulator.snapshot(ACCOUNT)["files"]}) == 40
    assert emulator.requests == 40
    emulator.close()
