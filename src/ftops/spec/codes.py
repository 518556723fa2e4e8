"""The codes of problems that reading specs can find, each with its fixed summary; the details say the rest."""

from __future__ import annotations

from collections.abc import Mapping

SUMMARIES: Mapping[str, str] = {
    # the file
    "path-not-found": "Path not found",
    "unreadable-file": "Cannot read the file",
    "not-a-file": "Not a file",
    "file-too-large": "File too large",
    "not-text": "Not a text file",
    "empty-file": "Empty file",
    # YAML
    "yaml-syntax": "Not valid YAML",
    "tab-indentation": "Tab used as indentation",
    "duplicate-key": "Key written twice",
    "non-string-key": "Key is not a string",
    "merge-key": "Merge keys are not supported",
    "custom-tag": "Tags are not supported",
    "bad-alias": "Alias without an anchor",
    "alias-bomb": "Too many values through aliases",
    "too-deep": "Nested too deeply",
    # one document
    "not-a-document": "Not a document of ftops",
    "unknown-version": "Unknown API version",
    "unknown-kind": "Unknown kind",
    "unknown-field": "Unknown field",
    "not-yet": "Not built yet",
    "missing-field": "Missing field",
    "wrong-type": "Wrong type",
    "bad-value": "Value not allowed",
    "out-of-range": "Value out of range",
    "too-many-problems": "Too many problems",
    # the project
    "no-documents": "No documents",
    "no-project": "No Project",
    "two-projects": "More than one Project",
    "duplicate-name": "Name used twice",
    "unknown-account": "Unknown account",
    "unknown-reference": "Unknown reference",
    "across-accounts": "Reference into another account",
    "reference-cycle": "References form a cycle",
    "outside-root": "Outside the project root",
    "missing-file": "File not found",
}

PROBLEMS_MAX = 100
"""Problems of a document's YAML, and of its shape, that are listed."""
TOO_MANY_PROBLEMS = f"From here on, problems are not listed: the document has {PROBLEMS_MAX} before. Mend those first."
