"""YAML bytes to trees: scalars, places, limits, and that no input whatever raises."""

from __future__ import annotations

import json
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ftops.diagnostics import Diagnostic, Span
from ftops.spec.builder import ALIAS_VALUES_MAX, DEPTH_MAX
from ftops.spec.codes import PROBLEMS_MAX
from ftops.spec.document import Parsed, parse
from ftops.spec.nodes import Tree
from ftops.spec.scalars import NUMBER_CHARACTERS_MAX
from ftops.spec.syntax import problem_of
from ftops.spec.text import EXCERPT_CHARACTERS_MAX, HIDDEN, Problem, Text, looks_secret


def parsed(text: str) -> Parsed:
    """Return what a text holds."""
    return parse(text.encode(), "a.yaml")


def only(text: str) -> Tree:
    """Return the only document of a text."""
    (tree,) = parsed(text).trees
    return tree


def value(text: str) -> object:
    """Return what a scalar stands for."""
    plain = only(f"a: {text}").plain()
    assert isinstance(plain, dict)
    return plain["a"]


def problem(text: str | bytes) -> Diagnostic:
    """Return the problem that ended the reading of a file."""
    found = parse(text if isinstance(text, bytes) else text.encode(), "a.yaml")
    assert found.problem is not None
    return found.text.diagnostic(found.problem)


def notes(text: str) -> list[tuple[int, int, str]]:
    """Return the problems that do not keep a document from being read."""
    return [(p.line, p.column, p.code) for p in only(text).problems]


# --- scalars


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("", None),
        ("~", None),
        ("Null", None),
        ("017", 17),
        ("0o17", 15),
        ("0x1f", 31),
        ("0b1", "0b1"),
        ("-12", -12),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-1.5E-1", -0.15),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("-x", "-x"),
        ("+", "+"),
        (".", "."),
        ("2026-10-01", "2026-10-01"),
        ("1.2.3", "1.2.3"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("''", ""),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("٣", "٣"),
        ("9" * NUMBER_CHARACTERS_MAX, int("9" * NUMBER_CHARACTERS_MAX)),
        ("9" * (NUMBER_CHARACTERS_MAX + 1), "9" * (NUMBER_CHARACTERS_MAX + 1)),
        ("|\n  12", "12"),
    ],
)
def test_scalars(text: str, expected: object) -> None:
    """Plain scalars follow the core schema of YAML 1.2; quoted ones are strings."""
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


# --- places


def test_places() -> None:
    """A path finds its value or key; what is missing is found at the key of what it would be in."""
    tree = only("# first\nspec:\n  model: {job: a}\n  list:\n  - x\n  - y: 1\n  none:\n")
    assert tree.span_of(()) == Span("a.yaml", 2, 1)
    assert tree.span_of(("spec", "model", "job")) == Span("a.yaml", 3, 16)
    assert tree.span_of(("spec", "model", "job"), on_key=True) == Span("a.yaml", 3, 11)
    assert tree.span_of(("spec", "list", 1, "y")) == Span("a.yaml", 6, 8)
    assert tree.span_of(("spec", "list", 1), on_key=True) == Span("a.yaml", 6, 5)
    assert tree.span_of(("spec", "none")) == Span("a.yaml", 7, 3)
    assert tree.span_of(("spec", "model", "at")) == Span("a.yaml", 3, 3)
    assert tree.span_of(("spec", "list", 7)) == Span("a.yaml", 4, 3)
    assert tree.span_of(("spec", "model", "job", "deeper")) == Span("a.yaml", 3, 11)
    assert tree.span_of(("nothing",)) == Span("a.yaml", 2, 1)


def test_scalar_lookup() -> None:
    """A scalar is found by its path; anything else is None."""
    tree = only("a: {b: x}\nc: [1]")
    assert tree.scalar("a", "b") == "x"
    assert tree.scalar("a") is None
    assert tree.scalar("c", "b") is None
    assert tree.has("c")
    assert not tree.has("d")


def test_places_count_characters() -> None:
    """Columns count characters, not bytes, and a byte order mark counts for nothing."""
    tree = parse("\ufeff日本: {ключ: x}".encode(), "a.yaml").trees[0]
    assert tree.span_of(("日本",), on_key=True) == Span("a.yaml", 1, 1)
    assert tree.span_of(("日本", "ключ")) == Span("a.yaml", 1, 12)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_line_ends(end: str) -> None:
    """Lines of a place and of the excerpt are counted alike for every line end."""
    tree = only(end.join(["a: 1", "b: 2", "c: 3"]))
    assert tree.span_of(("c",)).line == 3
    assert tree.text.excerpt(3, 1) == "c: 3"


def test_several_documents() -> None:
    """Every document of a file is returned, empty ones are not."""
    found = parsed("---\n---\na: 1\n---\n# only words\n---\nb: 2\n...\n")
    assert [tree.plain() for tree in found.trees] == [{"a": 1}, {"b": 2}]
    assert found.problem is None
    assert not parsed("").trees


def test_documents_before_a_broken_one_are_kept() -> None:
    """A syntax error keeps what was complete, and tells what text was not read."""
    found = parsed("a: 1\n---\nname: x\nb: [\n")
    assert [tree.plain() for tree in found.trees] == [{"a": 1}]
    assert found.unread == "---\nname: x\nb: ["


# --- problems inside a document


def test_duplicate_keys() -> None:
    """A key written twice is told with both lines; the first value counts."""
    tree = only("a: 1\nb: {a: 2, a: 3}\na: 4\n")
    assert tree.plain() == {"a": 1, "b": {"a": 2}}
    assert [p.detail for p in tree.problems] == [
        '"a" is written in line 2 and again in line 2; keep one of the two.',
        '"a" is written in line 1 and again in line 3; keep one of the two.',
    ]


@pytest.mark.parametrize("key", ["1", "true", "null", "? [a]\n", "? {a: b}\n", "? \n"])
def test_keys_are_strings(key: str) -> None:
    """A key that is no string is told and left out."""
    tree = only(f"{key}: x\nb: 1\n")
    assert [p.code for p in tree.problems] == ["non-string-key"]
    assert tree.plain() == {"b": 1}


def test_other_notes() -> None:
    """Tags, merge keys and aliases to nothing are told where they stand."""
    assert notes("a: !mine x\nb: !!map [x]\nc: !!seq {}\nd: !!int 1") == [
        (1, 4, "custom-tag"),
        (2, 4, "custom-tag"),
        (3, 4, "custom-tag"),
        (4, 4, "custom-tag"),
    ]
    assert notes("a: !!map {}\nb: !!seq []\n") == []
    assert notes("<<: {a: 1}") == [(1, 1, "merge-key")]
    assert notes("'<<': {a: 1}\nb: <<") == []
    assert notes("a: *none\nb: &b [*b]") == [(1, 4, "bad-alias"), (2, 8, "bad-alias")]


def test_notes_are_limited() -> None:
    """After many problems of one document, one says that the rest is not listed."""
    found = only("a: 1\n" * 300).problems
    assert len(found) == PROBLEMS_MAX + 1
    assert found[-1].code == "too-many-problems"


def test_aliases() -> None:
    """An alias stands for its anchor's value, as often as the limit allows."""
    assert only("a: &x {b: [1]}\nc: *x\nd: &y z\ne: *y\n").plain() == {
        "a": {"b": (1,)},
        "c": {"b": (1,)},
        "d": "z",
        "e": "z",
    }
    most = "- &x a\n" + "- *x\n" * ALIAS_VALUES_MAX
    assert len(only(most).root.value) == ALIAS_VALUES_MAX + 1  # type: ignore[arg-type]
    assert problem(f"{most}- *x\n").code == "alias-bomb"


def test_alias_bomb() -> None:
    """A few lines that stand for billions of values are refused at once."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    assert problem("\n".join(lines)).code == "alias-bomb"


def test_depth() -> None:
    """Nesting up to the limit is read, aliases expanded; one level more is refused."""
    assert only("[" * DEPTH_MAX + "]" * DEPTH_MAX).root
    assert problem("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1)).code == "too-deep"
    half = DEPTH_MAX // 2
    nested = "[" * half + "]" * half
    assert parsed(f"a: &a {nested}\nb: {'[' * (half - 1)}*a{']' * (half - 1)}\n").problem is None
    assert problem(f"a: &a {nested}\nb: {'[' * half}*a{']' * half}\n").code == "too-deep"


@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "? ", "a: [\n"])
def test_200000_levels(unit: str) -> None:
    """Deep nesting, which crashes the usual loader and keeps its parser busy for minutes, is refused quickly."""
    begin = time.process_time()
    assert problem(unit * 200_000).code == "too-deep"
    assert time.process_time() - begin < 10


# --- files that are no text


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        (b"a: 1\nb: \xff\n", (2, 4), "0xFF"),
        ("é: \udcff".encode("utf-8", "surrogateescape"), (1, 4), "0xFF"),
        ("a: 1".encode("utf-16"), (1, 1), "UTF-16"),
        (b"a: 1\nb: x\x00y", (2, 5), "U+0000"),
        (b"\x1b[31m", (1, 1), "U+001B"),
        (b"a\x7f", (1, 2), "U+007F"),
    ],
)
def test_not_text(data: bytes, place: tuple[int, int], words: str) -> None:
    """Bytes that are no UTF-8 and characters that YAML refuses are told with their place."""
    found = problem(data)
    assert (found.code, found.span.line, found.span.column) == ("not-text", *place)
    assert words in found.detail


# --- syntax errors


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a:\n\tb: 1\n", (2, 1), "tabs"),
        ("a: 1\n\tb: 2\n", (2, 1), "tabs"),
        ("a: |\n\tx\n", (2, 1), "tabs"),
        ("a: @x", (1, 4), 'begin with "@"'),
        ("a: `x`", (1, 4), 'begin with "`"'),
        ("a: b: c", (1, 5), "in quotes"),
        ("a: [1\nb: 2", (2, 2), 'The "[" of line 1'),
        ("a: {b: 1\nc: 2", (2, 2), 'The "{" of line 1'),
        ("a:\n  b: 1\n c: 2\n", (3, 2), "begins in line 1"),
        ("- a\nb: 1\n", (2, 1), '"- " is expected'),
        ("a: 'x\nb: 3\n", (1, 4), "never closed"),
        ("a: 'x\n---\nb: 3\n", (1, 4), "not closed"),
        ("a: 1\nb\nc: 1", (2, 1), 'the ":" is missing'),
        ('a: "\\q"', (1, 5), "backslash"),
        ("a: !x!y z", (1, 4), "tag"),
        ("a: 1\n...\nb: 2\n", (3, 1), '"---"'),
        ("[a, , b]", (1, 5), "A value is expected"),
        ("a: [", (1, 5), "A value is expected"),
        ("a: - b", (1, 4), "A list cannot begin here"),
        ("a: >x\n foo", (1, 5), "line has to end"),
        ("%FOO\n---\na", (1, 5), "The YAML parser says: found unknown directive name."),
    ],
)
def test_syntax_errors(text: str, place: tuple[int, int], words: str) -> None:
    """Each common mistake is told in its own words, at the place that has to be mended."""
    found = problem(text)
    assert (found.span.line, found.span.column) == place
    assert found.code in {"yaml-syntax", "tab-indentation"}
    assert words in found.detail


def test_an_error_without_a_place() -> None:
    """An error of the parser that has no place is told at the beginning."""
    found = problem_of(yaml.YAMLError("no place"), Text("a.yaml", ""))
    assert found == Problem(1, 1, "yaml-syntax", "The YAML parser says: no place.")


# --- what is shown


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("apiKey", True),
        ("api_key", True),
        ("AZURE_OPENAI_API_KEY", True),
        ("clientSecret", True),
        ("token", True),
        ("Password", True),
        ("apiKeyEnv", False),
        ("max_tokens", False),
        ("key", False),
    ],
)
def test_secret_keys(key: str, *, secret: bool) -> None:
    """Keys that hold secrets are known by their end; one that names a variable holds none."""
    assert looks_secret(key) is secret


@pytest.mark.parametrize(
    "text",
    [
        "apiKey: hunter2",
        '{"apiKey":"hunter2", "b": 1}',
        "a: {b: 1, password: hunter2, c: 2}",
        "token:\n- hunter2\n- hunter2",
        "token:\n  a:\n    b: hunter2",
        "secret: |\n  hunter2\n\n  hunter2\nb: 1",
        'secret: "a\n hunter2\n hunter2"',
        "? apiKey\n: hunter2",
        "a: {apiKey:\nhunter2}",
        "- - apiKey: hunter2",
        "url: https://x/y?sv=1&sig=hunter2&x=hunter2",
        "url: >\n  https://x/y?sv=1\n  &sig=hunter2\n  hunter2",
        "# https://x?sig=hunter2\na: 1",
        "apiKey: |\n  hunter2\n\thunter2",
        "x:\n  apiKey: |\n    hunter2\n\thunter2\n",
        'apiKey: "hunter2\n hunter2',
        "apiKey: @hunter2",
    ],
)
def test_secrets_are_never_shown(text: str) -> None:
    """No excerpt of any line shows a secret, whether the text is valid or broken."""
    source = parsed(text).text
    for line in range(1, text.count("\n") + 2):
        assert "hunter2" not in source.excerpt(line, 1)


def test_what_is_no_secret_is_shown() -> None:
    """Lines beside a secret are shown, and the key of a secret is."""
    source = parsed("a: 1\nsecret: |\n  hunter2\nb: 2\nc: {token: hunter2}\nlist:\n- apiKey: hunter2\n  d: 3\n").text
    shown = [source.excerpt(line, 1) for line in range(1, 9)]
    assert shown == [
        "a: 1",
        f"secret: {HIDDEN}",
        f" {HIDDEN}",
        "b: 2",
        f"c: {{token: {HIDDEN}",
        "list:",
        f"- apiKey: {HIDDEN}",
        "  d: 3",
    ]


def test_signatures_are_left_out_of_details() -> None:
    """A detail that quotes a signed URL says it without the signature."""
    found = only("'https://x?sig=hunter2&a=1': 1\n'https://x?sig=hunter2&a=1': 2\n")
    assert "sig=…&a=1" in found.text.diagnostic(found.problems[0]).detail


def test_excerpts_are_cut() -> None:
    """A very long line is cut around the column; past the end of the file there is nothing."""
    text = f"a: {'x' * 200}, {'y' * 200} {'z' * 200}"
    source = parsed(text).text
    assert source.excerpt(1, 1) == text[:EXCERPT_CHARACTERS_MAX] + HIDDEN
    cut = source.excerpt(1, 300)
    assert cut[0] == cut[-1] == HIDDEN
    assert cut[80] == text[299]
    assert source.excerpt(1, len(text)).endswith("z")
    assert source.excerpt(2, 1) == ""


# --- any input


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Any bytes give trees or a problem, never an exception."""
    _walk(parse(data, "a.yaml"))


_PIECES = st.sampled_from(
    [*"ab1[]{}#%|?*&!:-,\"'\n\t\\\r日\ufeff\x85", ": ", "- ", "  ", "&a ", "*a", "---\n", "<<: ", "sig=x"]
)


@given(st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=100))
def test_any_text(text: str) -> None:
    """Any text gives trees or a problem whose place lies in the text, never an exception."""
    _walk(parse(text.encode("utf-8", "replace"), "a.yaml"))


def _walk(found: Parsed) -> None:
    lines = found.text.text.splitlines() or [""]
    problems = [p for tree in found.trees for p in tree.problems]
    for each in problems + ([found.problem] if found.problem else []):
        diagnostic = found.text.diagnostic(each)
        assert 1 <= diagnostic.span.line <= len(lines)
        assert 1 <= diagnostic.span.column <= len(lines[diagnostic.span.line - 1]) + 1
    for tree in found.trees:
        assert json.dumps(tree.plain())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_JSON, st.sampled_from([None, 2]))
def test_json_is_yaml(data: object, indent: int | None) -> None:
    """What JSON writes is read as the same values."""
    trees = parsed(json.dumps({"a": data}, indent=indent)).trees
    assert json.loads(json.dumps(trees[0].plain())) == {"a": data}
    assert not trees[0].problems
