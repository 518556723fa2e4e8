"""Facts about the rows of datasets besides their limits: pictures, prompts, and what is advised."""

from __future__ import annotations

from dataclasses import dataclass

from ftops.rules.tables import Origin


@dataclass(frozen=True, slots=True)
class ImageRules:
    """Limits of the pictures in rows, and how many tokens one is taken to have: `low_tokens`, and by tiles besides."""

    rows_max: int
    per_row_max: int
    per_call_max: int
    size_bytes_max: int
    formats: tuple[str, ...]
    details: tuple[str, ...]
    low_tokens: int
    tile_tokens: int
    tile_pixels: int
    box_pixels: int
    short_pixels: int
    origin: Origin

    def tokens(self, width: int, height: int) -> int:
        """Return the tokens of a picture of so many pixels in high detail: those of its tiles once it was scaled."""
        scale = min(1.0, self.box_pixels / max(width, height, 1))
        scale *= min(1.0, self.short_pixels / max(min(width, height) * scale, 1))
        across, down = (-(-max(1, round(side * scale)) // self.tile_pixels) for side in (width, height))
        return self.low_tokens + across * down * self.tile_tokens


@dataclass(frozen=True, slots=True)
class PromptRules:
    """Phrases by which a prompt may be refused as an attempt to extract reasoning; compared without case."""

    reasoning_phrases: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Guidance:
    """Numbers of rows and settings that are advised and never enforced."""

    rows_to_start: int
    rows_to_learn: int
    multiplier_min: float
    multiplier_max: float
    validation_rows_min: int
    origin: Origin
