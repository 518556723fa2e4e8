"""Exact counts of tokens, offline: by toktok, which brings its vocabularies, else by tiktoken if it has them on disk.

Neither is needed: `pip install 'ftops[tokens]'` brings toktok, and without any an estimate says so. Nothing is ever
downloaded: tiktoken is used only if the file that it would fetch is there already and is the published one.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

Count: TypeAlias = Callable[[Sequence[str]], Sequence[int]]
"""Returns the tokens of each text, in order; text that looks like a special token is text."""

TOKENS, ESTIMATE = "FTOPS_TOKENS", "estimate"
"""The environment's wish not to count, which takes several times as long as the rest of a check."""
TIKTOKEN_FOLDERS = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")


class Vocabulary(NamedTuple):
    """The file of an encoding as tiktoken names it on disk (sha1 of its address), and the sha256 that is published."""

    file: str
    sha256: str


# From tiktoken 0.14, tiktoken_ext/openai_public.py.
VOCABULARIES: Mapping[str, Vocabulary] = {
    "o200k_base": Vocabulary(
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "o200k_harmony": Vocabulary(
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}
"""What ordinary text is made of is the same in both: they differ in special tokens only."""


def counter(encoding: str) -> Count | None:
    """Return what counts the tokens of an encoding, or None when it is to be estimated, or can only be."""
    return None if os.environ.get(TOKENS) == ESTIMATE else _counter(encoding)


@cache
def _counter(encoding: str) -> Count | None:
    if encoding not in VOCABULARIES:
        return None
    return _toktok(encoding) or _tiktoken(encoding)


def _toktok(encoding: str) -> Count | None:
    try:
        from toktok import batch_count  # noqa: PLC0415 - half a second of loading, for whoever has it
    except ImportError:
        return None
    # With more threads than one it takes twice the time of processors, and whoever asks has other work for them.
    return lambda texts: batch_count(texts, encoding, threads=1)


def _tiktoken(encoding: str) -> Count | None:
    if not _on_disk(VOCABULARIES[encoding]):
        return None
    try:
        import tiktoken  # noqa: PLC0415 - as above

        encode = tiktoken.get_encoding(encoding).encode_ordinary
    except (ImportError, ValueError, OSError):
        return None
    return lambda texts: [len(encode(text)) for text in texts]


def _on_disk(vocabulary: Vocabulary) -> bool:
    """Tell whether tiktoken would find the published file where it looks first, so that it asks nobody for it."""
    usual = str(Path(tempfile.gettempdir()) / "data-gym-cache")
    folder = next((os.environ[name] for name in TIKTOKEN_FOLDERS if name in os.environ), usual)
    try:
        data = (Path(folder) / vocabulary.file).read_bytes()
    except OSError:
        return False
    # An empty name turns tiktoken's cache off.
    return bool(folder) and hashlib.sha256(data).hexdigest() == vocabulary.sha256
