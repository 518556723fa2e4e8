"""Tuned models, made as any user of the OpenAI SDK makes them: a file, a job, and the time that it takes."""

from __future__ import annotations

from clients import data_client
from operations import Surface
from service import Account, Service

ROWS = 12 * b'{"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]}\n'
MINI = "gpt-4.1-mini-2025-04-14"
SCAN_S, TRAINING_S = 10, 4 * 3600


def tuned_model(service: Service, account: Account, base: str = MINI, suffix: str = "support") -> str:
    """Return the name of a model that an account has tuned just now."""
    with data_client(service, account, Surface.V1) as client:
        file = client.files.create(file=("rows.jsonl", ROWS, "application/octet-stream"), purpose="fine-tune")
        service.advance(SCAN_S)
        job = client.fine_tuning.jobs.create(
            model=base, training_file=file.id, suffix=suffix, extra_body={"trainingType": "GlobalStandard"}
        )
        service.advance(TRAINING_S)
        done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.fine_tuned_model, done
    return done.fine_tuned_model
