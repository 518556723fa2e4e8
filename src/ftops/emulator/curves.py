"""Training curves. They are SIMULATED: plausible shapes made from a job's own inputs, and no model was trained.

The same inputs always give the same curve. Losses fall quickly and then slowly; the validation loss turns up again
after some epochs, so that the best checkpoint of a long job is not always its last.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

Metrics = dict[str, float]

RESULT_ROWS_MAX = 2_000
_STEPS_IN_PIECE = 200
_COLUMNS = (
    "step",
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)
_REWARD_COLUMNS = ("step", "train_mean_reward", "valid_mean_reward", "full_valid_mean_reward")


@dataclass(frozen=True, slots=True)
class Curve:
    """One simulated training: `seed` is any text that names the job's inputs."""

    seed: str
    steps: int
    steps_per_epoch: int
    validated: bool
    rewarded: bool = False

    def at(self, step: int) -> Metrics:
        """Return the metrics after `step` steps, counted from 1; the full validation ones only where an epoch ends."""
        values = self._rewards(step) if self.rewarded else self._losses(step)
        hidden = ["full_valid"] if step % self.steps_per_epoch and step != self.steps else []
        if not self.validated:
            hidden = ["valid", "full_valid"]
        return {"step": step} | {name: value for name, value in values.items() if not name.startswith(tuple(hidden))}

    def csv(self, steps_done: int) -> Iterator[bytes]:
        """Yield results.csv in pieces, with at most about `RESULT_ROWS_MAX` rows and always the ends of epochs."""
        columns = _REWARD_COLUMNS if self.rewarded else _COLUMNS
        yield (",".join(columns) + "\n").encode()
        # Only the rows that are shown are visited: a large file over many epochs has hundreds of millions of steps.
        shown = {*range(1, steps_done + 1, math.ceil(self.steps / RESULT_ROWS_MAX))}
        shown |= {*range(self.steps_per_epoch, steps_done + 1, self.steps_per_epoch)}
        lines: list[str] = []
        for step in sorted(shown):
            metrics = self.at(step)
            lines.append(",".join(str(metrics.get(column, "")) for column in columns) + "\n")
            if len(lines) >= _STEPS_IN_PIECE:
                yield "".join(lines).encode()
                lines.clear()
        if lines:
            yield "".join(lines).encode()

    def _losses(self, step: int) -> Metrics:
        epochs = step / self.steps_per_epoch
        start, floor, speed = 1.2 + self._unit("start"), 0.15 + 0.3 * self._unit("floor"), 1.5 + self._unit("speed")
        turn = 2.0 + 2.0 * self._unit("turn")
        train = floor + (start - floor) * math.exp(-speed * epochs)
        valid = train + 0.05 + 0.06 * max(0.0, epochs - turn) + 0.02 * self._unit("gap")
        noisy_train = train * self._noise("train", step)
        noisy_valid = valid * self._noise("valid", step)
        return {
            "train_loss": round(noisy_train, 4),
            "train_mean_token_accuracy": _accuracy(noisy_train),
            "valid_loss": round(noisy_valid, 4),
            "valid_mean_token_accuracy": _accuracy(noisy_valid),
            "full_valid_loss": round(valid, 4),
            "full_valid_mean_token_accuracy": _accuracy(valid),
        }

    def _rewards(self, step: int) -> Metrics:
        reach = 0.55 + 0.35 * self._unit("reach")
        train = reach * (1 - 0.7 * math.exp(-3.0 * step / self.steps))
        valid = train * (0.93 + 0.04 * self._unit("gap"))
        return {
            "train_mean_reward": round(min(1.0, train * self._noise("train", step)), 4),
            "valid_mean_reward": round(min(1.0, valid * self._noise("valid", step)), 4),
            "full_valid_mean_reward": round(valid, 4),
        }

    def _unit(self, name: str) -> float:
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return int.from_bytes(digest[:4], "big") / 2**32

    def _noise(self, name: str, step: int) -> float:
        return 0.94 + 0.12 * self._unit(f"{name}/{step}")


def _accuracy(loss: float) -> float:
    return round(math.exp(-0.7 * loss), 4)
