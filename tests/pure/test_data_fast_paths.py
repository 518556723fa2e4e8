"""Fast paths of the dataset checks, each against a slow peer that is plainly right."""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ftops.data.decode import BadLine, decode, has_each_key_once
from ftops.data.exact import BLOCKS, Counted, ExactTokens
from ftops.data.images import _HEADS, Picture, _decoded_bytes, _picture_at, picture_of
from ftops.data.reading import Reading
from ftops.data.tokens import Texts
from ftops.data.typed import NOT_WRITTEN, ChatRow, PreferenceRow, keeps_as_written
from ftops.data.walk import _without_repeated_keys, format_of
from ftops.rules import load_rules

from .data_rows import PICTURES, ROWS, SIDES, TEXTS, WAYS, format_of_kind, jpeg, png, written

LIMITS = load_rules().limits

quickly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


# --- keys that are written twice


def plainly_repeats(data: bytes) -> bool:
    """Tell whether some object has a key twice, by looking at the pairs of each."""
    repeated: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        repeated.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return dict(pairs)

    json.loads(data, object_pairs_hook=look)
    return bool(repeated)


STRINGS = st.lists(
    st.sampled_from(["a", "b", ":", "é", "{", ",", r"\u0061", r"\u003a", r"\u003A", r"\u003b", r"\"", r"\\", "u003a"]),
    max_size=3,
).map(lambda pieces: f'"{"".join(pieces)}"')
"""Texts and keys as they are written; few, so that keys meet, in other spellings too."""
SPACES = st.sampled_from(["", "", " ", "\t"])


def _objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.builds("{}{}:{}{}".format, STRINGS, SPACES, SPACES, inner)
    return st.lists(pairs, max_size=4).map(lambda listed: f"{{{','.join(listed)}}}")


JSON = st.recursive(
    STRINGS | st.sampled_from(["1", "-0.5e3", "true", "null", "[]", "{}"]),
    lambda inner: _objects(inner) | st.lists(inner, max_size=3).map(lambda listed: f"[{' ,'.join(listed)}]"),
    max_leaves=12,
).map(str.encode)
"""Values as they are written, in whose objects a key may stand twice."""

ONCE = {
    "empty": b"{}",
    "no object": b'"a:b"',
    "colons in texts": b'{"a": "b:c", "a:": ":::", ":": {"a": "\\":\\""}}',
    "one key in two objects": b'[{"a": 1}, {"a": {"a": 1}}]',
    "keys that differ in case": b'{"a": 1, "A": 1, "": 1}',
    "one letter in two forms": '{"é": 1, "e\u0301": 1}'.encode(),
    "a key with an escape": b'{"\\u0061": 1, "b": 1}',
}
TWICE = {
    "side by side": b'{"a": 1, "a": 2}',
    "the same value": b'{"a": 1, "a": 1}',
    "empty keys": b'{"": 1, "": 2}',
    "apart": b'{"a": 1, "b": {"c": 1}, "a": 2}',
    "as an escape": b'{"a": 1, "\\u0061": 2}',
    "in an inner object": b'{"a": {"b": {"c": 1, "c": 2}}}',
    "in a list": b'[1, [{"a": 1, "a": 2}]]',
    "in a value that is lost": b'{"a": {"b": 1, "b": 2}, "a": 1}',
    "the later one with a colon": b'{"a": 1, "a": ":"}',
    "the earlier one with a colon": b'{"a": ":", "a": 1}',
    "a colon hidden in a value": b'{"a": 1, "a": "\\u003a"}',
    "a colon hidden elsewhere": b'{"a": 1, "a": 2, "b": "\\u003A"}',
    "a colon hidden in a key": b'{"a": 1, "a": 2, "\\u003a": 1}',
    "a colon as a key": b'{":": 1, "\\u003a": 1}',
}


@pytest.mark.parametrize("data", ONCE.values(), ids=ONCE)
def test_keys_that_stand_once(data: bytes) -> None:
    """A line without a repeated key is known as one, whatever its texts hold."""
    assert not plainly_repeats(data)
    assert has_each_key_once(data, decode(data))


@pytest.mark.parametrize("data", TWICE.values(), ids=TWICE)
def test_keys_that_stand_twice(data: bytes) -> None:
    """A line with a repeated key is never taken for one without, however it is hidden."""
    assert plainly_repeats(data)
    assert not has_each_key_once(data, decode(data))


@given(data=JSON)
@settings(quickly, max_examples=300)
def test_keys_against_their_pairs(data: bytes) -> None:
    """The count of colons agrees with a look at all pairs, and is only unsure where an escape may be a colon."""
    value = decode(data)
    assert not isinstance(value, BadLine)
    assert has_each_key_once(data, value) == (not plainly_repeats(data) and b"\\u003" not in data)


def test_written_rows_have_each_key_once() -> None:
    """The rows of other tests, as they write them, are known to have each key once: the fast way is taken."""
    row = {"messages": [{"role": "user", "content": "é: ü"}, {"role": "assistant", "content": ":"}]}
    for way in range(len(WAYS)):
        line = written(row, way)
        assert has_each_key_once(line, decode(line)) and not plainly_repeats(line)


def test_a_value_too_deep_to_write_says_nothing() -> None:
    """A value that cannot be written anew is not said to have each key once."""
    value: object = {}
    for _ in range(100_000):
        value = [value]
    assert not has_each_key_once(b"", value)
    while isinstance(value, list) and value:  # taken apart from the outside, since the interpreter would recurse
        value = value.pop()


# --- rows as types, of which some is kept as it is written


def plainly_keeps(value: object) -> bool:
    """Tell whether there are bytes that were not decoded anywhere in a value."""
    if isinstance(value, msgspec.Raw):
        return value is not NOT_WRITTEN
    if isinstance(value, msgspec.Struct):
        return any(plainly_keeps(getattr(value, name)) for name in value.__struct_fields__)
    return any(map(plainly_keeps, value)) if isinstance(value, list) else False


@st.composite
def lines_with_repeats(draw: st.DrawFn, value: object) -> str:
    """Return a value as JSON in which now and then a key stands twice, each time with a value of the same shape."""
    if isinstance(value, dict):
        pairs = [(key, inner) for key, inner in value.items() for _ in range(1 + (draw(st.integers(0, 19)) == 19))]
        listed = [f"{json.dumps(key)}: {draw(lines_with_repeats(inner))}" for key, inner in pairs]
        return f"{{{', '.join(listed)}}}"
    if isinstance(value, list):
        return f"[{', '.join(draw(lines_with_repeats(each)) for each in value)}]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@pytest.mark.parametrize("kind", ["chat", "tools", "dpo", "rft"])
@given(data=st.data())
@settings(quickly, max_examples=40)
def test_quick_rows_against_their_pairs(kind: str, data: st.DataObject) -> None:
    """A row that is passed quickly has each key once, its definitions of tools too; and only a repeat holds it up."""
    line = data.draw(ROWS[kind].flatmap(lines_with_repeats)).encode()
    quick = format_of(Reading(format_of_kind(kind), fields=(("answer",),))).quick(LIMITS)
    sound = quick(line)
    if sound is None:
        return
    assert keeps_as_written(sound[3]) == plainly_keeps(sound[3])
    if plainly_repeats(line) or b"\\u003" not in line:
        assert (_without_repeated_keys(quick, line) is None) == plainly_repeats(line)


ASKED = b'"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]'
TOOLS = b'"tools": [{"type": "function", "function": {"name": "f", "parameters": {%s}}}]'
QUESTION = b'"messages": [{"role": "user", "content": "A"}]'
ANSWERS = (
    b'"preferred_output": [{"role": "assistant", "content": "A"}], '
    b'"non_preferred_output": [{"role": "assistant", "content": "B"}]'
)


@pytest.mark.parametrize(
    ("type_", "line", "keeps"),
    [
        (ChatRow, b"{%s}" % ASKED, False),
        (ChatRow, b'{%s, "tools": []}' % ASKED, True),
        (ChatRow, b'{%s, "tools": null}' % ASKED, True),
        (ChatRow, b'{"tools": "", %s}' % ASKED, True),
        (PreferenceRow, b'{"input": {%s}, %s}' % (QUESTION, ANSWERS), False),
        (PreferenceRow, b'{"input": {%s, "tools": {}}, %s}' % (QUESTION, ANSWERS), True),
    ],
)
def test_what_is_kept_as_written(type_: type[Any], line: bytes, keeps: bool) -> None:
    """A row keeps its tools as they are written if it has any, be they null or of the wrong type."""
    row = msgspec.json.decode(line, type=type_)
    assert keeps_as_written(row) == plainly_keeps(row) == keeps


@pytest.mark.parametrize("value", [None, {}, {"tools": [1]}, [], "tools", msgspec.Raw(b"[]")])
def test_nothing_else_is_kept_as_written(value: object) -> None:
    """What is no row of these types keeps nothing as it is written."""
    assert not keeps_as_written(value)


@pytest.mark.parametrize("template", [b"{%s, %%s}" % ASKED, b'{"input": {%s, %%s}, %s}' % (QUESTION, ANSWERS)])
@pytest.mark.parametrize(
    ("members", "once"),
    [
        (b'"a": {"type": "number"}', True),
        (b'"a": ":", ":": "a:b"', True),
        (b'"a": 1, "a": 1', False),
        (b'"a": 1, "\\u0061": ":"', False),
        (b'"a": {"b": [{"c": 1, "c": 2}]}', False),
        (b'"a": 1, "a": "\\u003a"', False),
    ],
)
def test_repeats_in_tools_as_written(template: bytes, members: bytes, once: bool) -> None:
    """Definitions of tools, which a row keeps as they are written, are looked into for keys that stand twice."""
    line = template % (TOOLS % members)
    quick = format_of(Reading("dpo" if b"input" in line else "chat")).quick(LIMITS)
    assert quick(line) is not None and plainly_repeats(line) != once
    assert (_without_repeated_keys(quick, line) is not None) == once


# --- pictures in base64 that is not decoded

URL = "data:image/png;base64,"


def plainly_decoded(text: str) -> bytes | None:
    """Return what base64 stands for, or None: RFC 4648 wants just the padding that an encoder writes.

    Python is lenient there: it takes `AAAA====`.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if len(text) == len(base64.b64encode(data)) else None


NEARLY_BASE64 = st.text(st.sampled_from("Aa0+/=="), max_size=12) | st.text("Az9+/= \n\r\t-_%,.\0é\ud800", max_size=8)


@given(text=NEARLY_BASE64 | st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode()))
@settings(quickly, max_examples=500)
@example("")
@example("AAAA")
@example("AAA=")
@example("AA==")
@example("AB==")  # bits that are not used need not be 0
@example("A===")
@example("====")
@example("=")
@example("==")
@example("AA=")
@example("AAA==")
@example("AAAA=")
@example("AAAA==")
@example("AAAA====")
@example("AAAAAA==")
@example("AA==AAAA")
@example("AA=A")
@example("=AAA")
@example("A=A=")
@example("A")
@example("AAAAA")
@example("AAA\n")
@example("AAAA\n")
@example("AA AA")
@example(" AAA=")
@example("AAA= ")
@example("AA=\n")
@example("-_-_")
@example("AA%3D%3D")
@example("\N{FULLWIDTH LATIN CAPITAL LETTER A}AAA")
@example("AAA\ud800")
def test_decoded_bytes(text: str) -> None:
    """The length of what base64 stands for is found without decoding, and what is not base64 is known."""
    data = plainly_decoded(text)
    assert _decoded_bytes(URL + text, len(URL)) == (None if data is None else len(data))


def test_only_what_follows_is_decoded() -> None:
    """What stands before the base64 may be anything, and is not counted."""
    assert _decoded_bytes("é==,\nAAA=", 5) == 2
    assert _picture_at("é==,\n" + base64.b64encode(png(3, 4)).decode(), 5) == Picture("png", 3, 4)


@given(picture=PICTURES, length=st.integers(0, 80), cut=st.booleans(), more=st.integers(0, 5000))
@settings(quickly)
def test_pictures_from_their_heads(picture: tuple[str, bytes], length: int, cut: bool, more: int) -> None:
    """A picture, whole or cut and with anything after it, is known from its head as it is when all is decoded."""
    data = picture[1][:length] if cut else picture[1]
    data += bytes(more)
    assert _picture_at(URL + base64.b64encode(data).decode(), len(URL)) == picture_of(data)


REACH_BYTES = (1 << 16) + 2
"""How much of a picture is looked into: 64 KB, and what is left of a group of three bytes."""
SEGMENT = 0xFFFF + 2
"""The bytes of the longest segment of a JPEG."""
START, FRAME = 2, jpeg(1, 1).index(b"\xff\xc0\x00\x11") + 10
"""Where a JPEG's segments begin, and how far its frame reaches that tells the sides and the colours."""


def long_jpeg(before: int, width: int, height: int, components: int) -> bytes:
    """Return a JPEG with so many bytes of comments (0, or 4 and more) before all else."""
    made, comments = jpeg(width, height, components), b""
    while before - len(comments):
        rest = before - len(comments)
        length = rest if rest <= SEGMENT else min(SEGMENT, rest - 4)
        comments += b"\xff\xfe" + (length - 2).to_bytes(2, "big") + bytes(length - 4)
    return made[:START] + comments + made[START:]


NEAR_HEADS = [reach // 4 * 3 - FRAME + by for reach in _HEADS for by in range(-3, 4)]


@given(
    before=st.sampled_from([0, 4, SEGMENT, *NEAR_HEADS]) | st.integers(4, 2 * SEGMENT),
    width=SIDES,
    height=SIDES,
    components=st.sampled_from([1, 3, 4]),
)
@settings(quickly, max_examples=60)
@example(before=REACH_BYTES - FRAME, width=3, height=4, components=1)
@example(before=REACH_BYTES - FRAME + 1, width=3, height=4, components=1)
def test_jpegs_that_tell_a_lot_first(before: int, width: int, height: int, components: int) -> None:
    """The sides of a JPEG are found behind 64 KB of other segments; further on, only its form is known."""
    data = long_jpeg(before, width, height, components)
    whole = picture_of(data)
    assert whole == Picture("jpeg", width, height, components == 3)
    reached = before + FRAME <= REACH_BYTES
    assert _picture_at(URL + base64.b64encode(data).decode(), len(URL)) == (whole if reached else Picture("jpeg"))


@given(begin=PICTURES | st.just(("", b"")), length=st.integers(0, 40), text=NEARLY_BASE64)
@settings(quickly)
def test_pictures_of_no_base64(begin: tuple[str, bytes], length: int, text: str) -> None:
    """Of what is not base64 a picture of the form it begins with is told, or none; it is no error."""
    url = URL + base64.b64encode(begin[1]).decode()[:length] + text
    found = _picture_at(url, len(URL))
    assert found is None or not begin[0] or found.form == begin[0]


@given(picture=PICTURES, length=st.integers(0, 110))
@settings(quickly)
def test_pictures_cut_within_a_group(picture: tuple[str, bytes], length: int) -> None:
    """Of base64 that ends within a group of four, the groups before it are looked into."""
    text = base64.b64encode(picture[1]).decode()[:length]
    groups = base64.b64decode(text[: len(text) - len(text) % 4], validate=True)
    assert _picture_at(URL + text, len(URL)) == picture_of(groups)


# --- exact tokens, counted beside the walk


def texts_of(*texts: str, beside: int = 0, unmeasured: bool = False, inputs: int = 0, beside_input: int = 0) -> Texts:
    """Return what a row has to count."""
    return Texts(list(texts), beside, unmeasured, inputs, beside_input)


@st.composite
def rows_to_count(draw: st.DrawFn) -> Texts:
    """Return what a row has to count; texts of few letters stand in several rows, and twice in one."""
    texts = draw(st.lists(st.text("ab", max_size=2) | TEXTS, max_size=4))
    beside, inputs = draw(st.integers(0, 9)), draw(st.integers(0, len(texts)))
    return Texts(texts, beside, draw(st.booleans()), inputs, draw(st.integers(0, beside)))


def length_and_more(text: str) -> int:
    """Count the tokens of a text: a number that only few texts share."""
    return 1 + len(text) + 1000 * sum(map(ord, text))


def plainly_counted(steps: Sequence[Texts | None]) -> list[Counted]:
    """Return what is counted of rows and ends of blocks (None), row by row, for a few blocks together."""
    ends, placed = 0, []
    for line, step in enumerate(steps, 1):
        if step is None:
            ends += 1
        else:
            placed.append((ends // BLOCKS, line, step))
    return [plainly_together([(line, row) for _, line, row in rows]) for _, rows in groupby(placed, lambda row: row[0])]


def plainly_together(rows: Sequence[tuple[int, Texts]]) -> Counted:
    """Return what is counted of some rows, each by itself."""
    lines, tokens, asked, unmeasured = [], [], 0, 0
    for line, row in rows:
        lines.append(line)
        tokens.append(row.beside + sum(length_and_more(text) for text in row.texts))
        asked += row.beside_input
        for text in row.texts[: row.inputs]:
            asked += length_and_more(text)
        unmeasured += 1 if row.unmeasured else 0
    return Counted(lines, tokens, asked, unmeasured)


def walked(exact: ExactTokens, steps: Sequence[Texts | None]) -> Iterator[Counted]:
    """Yield what is counted of rows and ends of blocks (None)."""
    for line, step in enumerate(steps, 1):
        if step is None:
            yield from exact.next_block()
        else:
            exact.add(line, step)
    yield from exact.rest()


@given(steps=st.lists(rows_to_count() | st.none(), max_size=40))
@settings(quickly)
@example([])
@example([None] * (3 * BLOCKS))
@example([texts_of()])
@example([texts_of("")])
@example([texts_of("a", "a", inputs=1), *[None] * BLOCKS, texts_of("a", beside=2, beside_input=1)])
@example([texts_of("b", "a"), *[None] * (2 * BLOCKS), texts_of("a", "b")])
def test_exact_tokens(steps: list[Texts | None]) -> None:
    """All rows are counted, in order, as if each were counted by itself; of some blocks each text is asked once."""
    asked: list[Sequence[str]] = []

    def count(texts: Sequence[str]) -> list[int]:
        asked.append(texts)
        return [length_and_more(text) for text in texts]

    wanted = plainly_counted(steps)
    assert list(walked(ExactTokens(count), steps)) == wanted
    assert len(asked) == len(wanted) and all(len(set(texts)) == len(texts) for texts in asked)


def test_what_is_begun_comes_later() -> None:
    """The walk reads on while a thread counts: what it began comes some blocks later, and the rest at the end."""
    may_count, counters = threading.Event(), set()

    def count(texts: Sequence[str]) -> list[int]:
        counters.add(threading.get_ident())
        assert may_count.wait(60)
        return [len(text) for text in texts]

    exact = ExactTokens(count)
    exact.add(1, texts_of("abc"))
    assert [list(exact.next_block()) for _ in range(BLOCKS)] == [[]] * BLOCKS
    exact.add(2, texts_of("ab"))
    assert [list(exact.next_block()) for _ in range(BLOCKS - 1)] == [[]] * (BLOCKS - 1)
    may_count.set()
    assert list(exact.next_block()) == [Counted([1], [3], 0, 0)]
    assert list(exact.rest()) == [Counted([2], [2], 0, 0)]
    assert list(exact.rest()) == []
    assert threading.get_ident() not in counters and len(counters) == 1


def test_nothing_is_asked_of_nothing() -> None:
    """An encoder, slow to begin, is not asked while there are no rows."""

    def count(texts: Sequence[str]) -> list[int]:
        raise AssertionError(texts)

    assert list(walked(ExactTokens(count), [None] * (2 * BLOCKS))) == []


class _Broken(Exception):
    pass


@pytest.mark.parametrize("at_the_end", [True, False])
def test_errors_of_the_encoder(at_the_end: bool) -> None:
    """What an encoder raises in its thread reaches whoever asks for the tokens, at a block or at the end."""

    def count(texts: Sequence[str]) -> list[int]:
        raise _Broken(texts[0])

    exact = ExactTokens(count)
    exact.add(1, texts_of("abc"))
    blocks = BLOCKS if at_the_end else 2 * BLOCKS - 1
    assert [list(exact.next_block()) for _ in range(blocks)] == [[]] * blocks
    with pytest.raises(_Broken, match="abc"):
        list(exact.rest() if at_the_end else exact.next_block())


@pytest.mark.parametrize("counted", [[], [1], [1, 2, 3]])
def test_counts_that_do_not_fit(counted: list[int]) -> None:
    """An encoder that tells of more or fewer texts than it got is an error, not a wrong number."""
    with pytest.raises(ValueError, match="zip"):
        list(walked(ExactTokens(lambda _: counted), [texts_of("a", "b")]))
