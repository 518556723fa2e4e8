"""Diagnostics as SARIF: valid by the standard's schema, the same for the same findings, and free of harm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from jsonschema import Draft4Validator

from ftops.diagnostics import Diagnostic, Severity, Span
from ftops.render.to_sarif import FINGERPRINT, RESULTS_MAX, Rule, sarif

SCHEMA = Path(__file__).parents[1] / "schemas" / "sarif-2.1.0.json"
JUDGE = Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
RULES = {
    "unknown-field": Rule("a key that the kind does not have", "Correct the spelling."),
    "empty-content": Rule("nothing is said", "", Severity.WARNING, ("S107",)),
}
FOUND = Diagnostic(
    Span("specs/support.yaml", 14, 3),
    "unknown-field",
    "Unknown field",
    '"epoch" is not a field of a FineTuningJob. Did you mean "n_epochs"?',
    excerpt="  epoch: 3",
)
IN_A_ROW = Diagnostic(
    Span("data/train.jsonl", 3, 40),
    "empty-content",
    "Empty content",
    "Nobody said a word.",
    Severity.WARNING,
    path="$.messages[2].content",
)


def run_of(diagnostics: Sequence[Diagnostic], prefix: str = "") -> dict[str, object]:
    """Return the one run of a document that the standard's schema finds no fault with."""
    text = sarif(diagnostics, RULES, "1.2.3", prefix)
    document = json.loads(text)
    JUDGE.validate(document)
    assert text.endswith("}\n") and text.isascii()
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def results(diagnostics: Sequence[Diagnostic], prefix: str = "") -> list[dict[str, object]]:
    """Return the results of a run."""
    found = run_of(diagnostics, prefix)["results"]
    assert isinstance(found, list)
    return found


def prints(*diagnostics: Diagnostic) -> list[str]:
    """Return the fingerprints of a run."""
    return [result["partialFingerprints"][FINGERPRINT] for result in results(diagnostics)]  # type: ignore[index]


def test_the_schema_can_refuse() -> None:
    """What the standard does not know is refused, so that agreeing means something."""
    document = json.loads(sarif([FOUND], RULES, "1.2.3"))
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not JUDGE.is_valid(document)


def test_result() -> None:
    """A result is its rule, level, words and place; the source line is not in it."""
    (result,) = results([FOUND])
    marks = result.pop("partialFingerprints")
    assert result == {
        "ruleId": "unknown-field",
        "ruleIndex": 0,
        "level": "error",
        "message": {
            "text": 'Unknown field. "epoch" is not a field of a FineTuningJob. Did you mean "n_epochs"?',
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "specs/support.yaml", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 14, "startColumn": 3},
                }
            }
        ],
    }
    assert isinstance(marks, dict) and list(marks) == ["ftops/v1"]
    assert "epoch: 3" not in sarif([FOUND], RULES, "1.2.3")


def test_rules_are_those_that_occur() -> None:
    """Each code that occurs has its page, usual level and service rule; results name it and its place in the list."""
    run = run_of([FOUND, replace(IN_A_ROW, severity=Severity.ERROR), FOUND])
    assert run["tool"] == {
        "driver": {
            "name": "ftops",
            "semanticVersion": "1.2.3",
            "rules": [
                {
                    "id": "empty-content",
                    "shortDescription": {"text": "Nothing is said."},
                    "fullDescription": {"text": "Nothing is said."},
                    "help": {"text": "`ftops explain empty-content` tells more."},
                    "defaultConfiguration": {"level": "warning"},
                    "properties": {"tags": ["S107"]},
                },
                {
                    "id": "unknown-field",
                    "shortDescription": {"text": "A key that the kind does not have."},
                    "fullDescription": {"text": "A key that the kind does not have."},
                    "help": {"text": "Correct the spelling. `ftops explain unknown-field` tells more."},
                    "defaultConfiguration": {"level": "error"},
                },
            ],
        }
    }
    assert isinstance(run["results"], list)
    assert [(r["ruleId"], r["ruleIndex"], r["level"]) for r in run["results"]] == [
        ("unknown-field", 1, "error"),
        ("empty-content", 0, "error"),
        ("unknown-field", 1, "error"),
    ]


def test_a_code_without_a_page_is_told_by_its_summary() -> None:
    """What another version found and kept is printed too."""
    run = run_of([Diagnostic(Span("a"), "former-code", "Something former", severity=Severity.INFO)])
    assert '"shortDescription": {"text": "Something former."}' in json.dumps(run)
    assert '"level": "note"' in json.dumps(run)


def test_none() -> None:
    """Nothing found is a run that went well, with neither rules nor results."""
    run = run_of([])
    assert (run["results"], run["invocations"]) == ([], [{"executionSuccessful": True}])


def test_path_is_a_logical_location() -> None:
    """The way to a value in a row is told to people and to programs."""
    (result,) = results([IN_A_ROW])
    assert result["message"] == {"text": "Empty content. $.messages[2].content: Nobody said a word."}
    assert result["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "$.messages[2].content"}]  # type: ignore[index]


@pytest.mark.parametrize(
    ("span", "region"),
    [(Span("a"), None), (Span("a", 7), {"startLine": 7}), (Span("a", 7, 2), {"startLine": 7, "startColumn": 2})],
)
def test_only_what_is_known_of_a_place_is_told(span: Span, region: dict[str, int] | None) -> None:
    """A whole file has no region."""
    (result,) = results([replace(FOUND, span=span)])
    assert result["locations"][0]["physicalLocation"].get("region") == region  # type: ignore[index]


def artifact(file: str, prefix: str = "") -> dict[str, str]:
    """Return where a result says its file is."""
    (result,) = results([replace(FOUND, span=Span(file, 1))], prefix)
    found: dict[str, str] = result["locations"][0]["physicalLocation"]["artifactLocation"]  # type: ignore[index]
    return found


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("specs/a b.yaml", "specs/a%20b.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),
        ("100%25.yaml", "100%2525.yaml"),
        ("日本.yaml", "%E6%97%A5%E6%9C%AC.yaml"),
        ("a#b?c.yaml", "a%23b%3Fc.yaml"),
        ("a\nb\x1b[31m.yaml", "a%0Ab%1B%5B31m.yaml"),
        ("<stdin>", "%3Cstdin%3E"),
        ("\udcff.yaml", "%3F.yaml"),
    ],
)
def test_files_are_relative_uris(file: str, uri: str) -> None:
    """A name is percent-encoded, so that it is a path and nothing else; a byte that is no text is a question mark."""
    assert artifact(file) == {"uri": uri, "uriBaseId": "%SRCROOT%"}
    assert "\udcff" in file or unquote(uri) == file


def test_files_are_told_from_the_root_of_the_repository() -> None:
    """A project in a folder of its repository is found there; a file named by an absolute path is where it is."""
    assert artifact("specs/a.yaml", "models/east west")["uri"] == "models/east%20west/specs/a.yaml"
    assert artifact("../a.yaml", "models")["uri"] == "a.yaml"
    assert artifact("<stdin>", "models")["uri"] == "%3Cstdin%3E"
    assert artifact("/far/a b.yaml", "models") == {"uri": "file:///far/a%20b.yaml"}


@pytest.mark.parametrize(
    "text", ["a\r\nb", "\x1b]0;title\x07", "\u202egnp", "a\u2028b", "日本", "::error::x", "\ud800"]
)
def test_no_text_does_harm(text: str) -> None:
    """Names and details may hold anything: the document stays valid, its messages one line without escapes."""
    (result,) = results([Diagnostic(Span(text, 1), "unknown-field", "X", text, path=f"$.{text}")])
    message = result["message"]["text"]  # type: ignore[index]
    assert message.isprintable() and message.startswith("X. $.")


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("write {0}", "write {{0}}"),
        ("write {job: NAME}", "write {job: NAME}"),
        ("[free](https://a.example) [b]", "[free] (https://a.example) [b]"),
    ],
)
def test_messages_hold_neither_placeholders_nor_links(detail: str, expected: str) -> None:
    """What SARIF would take for an argument or a link in a message is text."""
    (result,) = results([replace(FOUND, detail=detail)])
    assert result["message"] == {"text": f"Unknown field. {expected}"}


def test_fingerprints_stay_when_lines_move() -> None:
    """A place further down is the same finding, also where the detail names a line."""
    detail = '"seed" is written in line {} and again in line {}.'
    first = replace(FOUND, detail=detail.format(3, 8))
    moved = replace(FOUND, span=Span(FOUND.span.file, 1014, 9), detail=detail.format("1,003", "1,008"))
    assert prints(first) == prints(moved)
    assert prints(IN_A_ROW) == prints(replace(IN_A_ROW, span=Span("data/train.jsonl", 9)))
    elsewhere = (replace(FOUND, detail=f"specs/support.yaml:{place} is one already.") for place in ("6:9", "14:11"))
    assert len({tuple(prints(each)) for each in elsewhere}) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(IN_A_ROW, code="unknown-field"),
        replace(IN_A_ROW, span=Span("data/valid.jsonl", 3, 40)),
        replace(IN_A_ROW, path="$.messages[3].content"),
        replace(IN_A_ROW, detail="Nobody said 2 words."),
    ],
)
def test_other_findings_have_other_fingerprints(other: Diagnostic) -> None:
    """Code, file, path and detail tell findings apart."""
    assert prints(IN_A_ROW) != prints(other)


def test_equal_findings_are_numbered() -> None:
    """Findings that only their lines tell apart have the same fingerprint but for the number at its end."""
    one, two, three = prints(*(replace(IN_A_ROW, span=Span("a", n)) for n in (3, 5, 9)))
    assert len({each.rpartition(":")[0] for each in (one, two, three)}) == 1
    assert [each.rpartition(":")[2] for each in (one, two, three)] == ["1", "2", "3"]


def test_more_than_is_shown_is_counted() -> None:
    """Errors come first, so that a cut takes them last; a notification says that there was one."""
    warnings = [replace(IN_A_ROW, span=Span("a", n)) for n in range(1, RESULTS_MAX + 1)]
    run = run_of([*warnings, FOUND])
    assert isinstance(run["results"], list)
    assert len(run["results"]) == RESULTS_MAX
    assert [r["level"] for r in run["results"][:2]] == ["error", "warning"]
    text = "5,000 of 5,001 results are listed here, errors first; `ftops validate` lists them all."
    told = [{"level": "warning", "message": {"text": text}}]
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": told}]


def test_the_same_findings_are_the_same_file() -> None:
    """Nothing of the moment or of the machine is in it."""
    assert sarif([FOUND, IN_A_ROW], RULES, "1") == sarif([FOUND, IN_A_ROW], RULES, "1")
    assert str(Path.cwd()) not in sarif([FOUND], RULES, "1")
