"""Spec folders to sources: a folder of cases with the text a person sees, and what files can be."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from ftops.diagnostics import Span
from ftops.kinds.envelope import Document, Finding, Strict
from ftops.model import Address
from ftops.render.diagnostics import diagnostics_text
from ftops.rules import load_rules
from ftops.spec.codes import SUMMARIES
from ftops.spec.document import parse
from ftops.spec.files import FILE_BYTES_MAX, STDIN_BYTES_MAX
from ftops.spec.loader import Loaded, load
from ftops.spec.shape import validate

CASES = Path(__file__).parents[1] / "cases" / "specs"
RULES = load_rules()
UPDATE = os.environ.get("FTOPS_UPDATE_GOLDEN") == "1"
"""Set, the expected texts are rewritten; a person reads the difference."""

PROJECT = """\
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: demo-7k2f}
spec:
  accounts:
    local: {emulator: ftops-emulator.db}
"""
DATASET = """\
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: support}
spec: {file: data/support.jsonl}
"""
JOB = """\
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {name: support-v1}
spec:
  model: gpt-4.1-mini-2025-04-14
  training_file: {dataset: support}
  trainingType: GlobalStandard
"""
DEPLOYMENT = """\
apiVersion: ftops/v1alpha1
kind: Deployment
metadata: {name: prod}
spec: {sku: {name: GlobalStandard, capacity: 10}, model: {format: OpenAI, name: gpt-4.1-mini, version: "1"}}
"""


def no_input() -> bytes:
    """Stand for a standard input that must not be read."""
    raise AssertionError("standard input was read")


def load_from(root: Path, *paths: str) -> Loaded:
    """Load a project without standard input."""
    return load(paths, root, no_input, RULES)


def load_input(data: bytes, root: Path) -> Loaded:
    """Load a project from standard input."""
    return load(["-"], root, lambda: data, RULES)


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files under a root, which is returned."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def codes(loaded: Loaded) -> list[str]:
    """Return the codes of what was found, in order."""
    return [each.code for each in loaded.diagnostics]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project that is in order."""
    return write(tmp_path, {"project.yaml": PROJECT, "data.yaml": DATASET, "data/support.jsonl": "", "job.yaml": JOB})


# --- the cases


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case: str) -> None:
    """A folder with mistakes gives exactly the text of its expected.txt."""
    told = diagnostics_text(load_from(CASES / case).diagnostics, colour=False)
    golden = CASES / case / "expected.txt"
    if UPDATE:
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


def test_twelve_mistakes_are_told_in_one_run() -> None:
    """Twelve different mistakes in four files give twelve diagnostics, each with a code of its own."""
    found = codes(load_from(CASES / "twelve"))
    assert len(found) == len(set(found)) == 12


def test_no_case_shows_a_secret() -> None:
    """The folder of secrets is told about without any of them."""
    told = (CASES / "secrets" / "expected.txt").read_text(encoding="utf-8")
    assert "hunter2" not in told
    assert "hunter2" in "".join(path.read_text(encoding="utf-8") for path in (CASES / "secrets").glob("*.yaml"))


def test_every_code_has_a_case() -> None:
    """Every code that loading can give is in a case, but for those whose files the tests make."""
    told = "".join(path.read_text(encoding="utf-8") for path in CASES.glob("*/expected.txt"))
    made = {"path-not-found", "unreadable-file", "file-too-large", "not-text", "too-deep", "too-many-problems"}
    assert set(SUMMARIES) - set(re.findall(r"\[([a-z0-9-]+)\]: ", told)) == made


def test_every_detail_says_the_way_out() -> None:
    """Every problem in the cases has a detail of at least one sentence."""
    for case in CASES.iterdir():
        for each in load_from(case).diagnostics:
            assert each.detail[-1] in ".?"
            assert each.detail[0] == each.detail[0].upper() or each.detail[0].isascii()


# --- what is loaded


def test_a_project_in_order(root: Path) -> None:
    """Sources carry address, kind, document, account and places; the Project stands apart."""
    loaded = load_from(root)
    assert loaded.diagnostics == ()
    assert loaded.whole
    assert loaded.files == ("data.yaml", "job.yaml", "project.yaml")
    assert loaded.project is not None
    assert (loaded.project.address, loaded.project.account) == (Address("project", "demo-7k2f"), "")
    dataset, job = loaded.sources
    assert (dataset.address, dataset.kind, dataset.account) == (Address("dataset", "support"), "Dataset", "local")
    assert (job.address, job.kind, job.file) == (Address("job", "support-v1"), "FineTuningJob", "job.yaml")
    assert job.document.metadata.name == "support-v1"
    assert job.span == Span("job.yaml", 3, 18)
    assert job.span_of(("spec", "model")) == Span("job.yaml", 5, 10)


def test_sources_report_findings(root: Path) -> None:
    """A later stage reports on a value with place and source line, and without signatures."""
    source = load_from(root).sources[1]
    found = source.diagnostic(Finding(("spec", "model"), "x", "Summary", "See https://x?sig=hunter2.", on_key=True))
    assert found.span == Span("job.yaml", 5, 3)
    assert found.excerpt == "  model: gpt-4.1-mini-2025-04-14"
    assert found.detail == "See https://x?sig=…"


def test_accounts(root: Path) -> None:
    """A document is in its own account, else in the project's default one."""
    project = PROJECT + "    west: {emulator: west.db}\n  defaultAccount: west\n"
    other = JOB.replace("support-v1", "support-v2, account: local")
    loaded = load_from(write(root, {"project.yaml": project, "other.yaml": other}))
    assert codes(loaded) == []
    assert {str(s.address): s.account for s in loaded.sources} == {
        "dataset/support": "west",
        "job/support-v1": "west",
        "job/support-v2": "local",
    }


# --- which files


def test_default_paths(root: Path) -> None:
    """Without paths, specs/ is read if there is one, else the root."""
    assert len(load_from(root).files) == 3
    loaded = load_from(write(root, {"specs/a.yaml": PROJECT, "specs/deep/b.yml": DATASET}))
    assert loaded.files == ("specs/a.yaml", "specs/deep/b.yml")
    assert loaded.whole


def test_hidden_files_are_skipped(root: Path) -> None:
    """Hidden files and folders, and files of other names, are not read."""
    files = {".x.yaml": "a: [", ".git/x.yaml": "a: [", "x.json": "a: [", "sub/.y/z.yaml": "a: [", "sub/b.YAML": "a: ["}
    assert codes(load_from(write(root, files))) == []
    assert codes(load_from(root, ".x.yaml", ".")) == ["yaml-syntax"]


def test_folders_are_read_in_order(root: Path) -> None:
    """Files are read sorted by name within a folder, before those of its folders."""
    write(root, {"specs/b/a.yaml": DATASET, "specs/a/z.yaml": JOB, "specs/z.yaml": PROJECT})
    assert load_from(root).files == ("specs/z.yaml", "specs/a/z.yaml", "specs/b/a.yaml")


def test_paths_are_read_once(root: Path) -> None:
    """A file named twice is read once, and relative paths begin at the root."""
    assert load_from(root, ".", "job.yaml", "./job.yaml", str(root)).files == ("data.yaml", "job.yaml", "project.yaml")


def test_whole(root: Path) -> None:
    """Only one folder or standard input with the Project, and no error, is the whole project."""
    write(root, {"specs/a.yaml": PROJECT, "sub/b.yaml": PROJECT})
    assert load_from(root).whole
    assert load_from(root, "specs").whole
    assert load_from(root, "specs", "specs").whole
    assert load_input(PROJECT.encode(), root).whole
    assert not load_from(root, "specs/a.yaml").whole
    assert not load_from(root, "specs", "data.yaml").whole
    assert not load_from(root, "data").whole
    assert not load_from(write(root, {"specs/b.yaml": "a: ["})).whole


def test_standard_input(root: Path) -> None:
    """`-` is standard input, shown as such."""
    loaded = load_input(f"{PROJECT}---\n{DATASET}x: 1\n".encode(), root)
    assert loaded.files == ("<stdin>",)
    assert [str(each.span) for each in loaded.diagnostics] == ["<stdin>:12:1"]
    assert [str(each.span) for each in load_input(DATASET.encode(), root).diagnostics] == ["<stdin>"]
    assert codes(load_input(b" " * (STDIN_BYTES_MAX + 1), root)) == ["file-too-large"]


def test_outside_the_root_files_are_shown_as_written(root: Path) -> None:
    """A spec file that is not under the root is shown by the path that was given."""
    write(root, {"../other/a.yaml": "a: ["})
    assert load_from(root, "../other").files == ("../other/a.yaml",)
    assert load_from(root, str(root.parent / "other/a.yaml")).files == (str(root.parent / "other/a.yaml"),)


def test_a_path_that_does_not_exist(root: Path) -> None:
    """A missing path is told, and nothing that may stand there is missed as well."""
    loaded = load_from(root, "job.yaml", "nowhere")
    assert [(str(each.span), each.code) for each in loaded.diagnostics] == [("nowhere", "path-not-found")]


def test_names_that_cannot_be_printed(root: Path) -> None:
    """A file name that is no UTF-8 is shown with a replacement."""
    (root / os.fsdecode(b"\xff.yaml")).write_text("a: [")
    told = diagnostics_text(load_from(root).diagnostics, colour=False)
    assert told.encode().decode().startswith("\ufffd.yaml:1:5: error")


# --- files that cannot be read


def test_a_huge_file_is_refused_unread(root: Path) -> None:
    """A file of 100 MB is refused by its size; the other files are checked all the same."""
    with (root / "huge.yaml").open("wb") as file:
        file.truncate(100_000_000)
    write(root, {"other.yaml": DATASET + "x: 1\n"})
    assert codes(load_from(root)) == ["file-too-large", "duplicate-name", "unknown-field"]


def test_the_largest_file(root: Path) -> None:
    """A file of exactly the limit is read, one byte more is not."""
    write(root, {"a.yaml": DATASET.replace("support", "a", 1).ljust(FILE_BYTES_MAX)})
    assert codes(load_from(root)) == []
    write(root, {"a.yaml": DATASET.replace("support", "a", 1).ljust(FILE_BYTES_MAX + 1)})
    assert codes(load_from(root)) == ["file-too-large"]


def test_encodings(root: Path) -> None:
    """Other encodings are told, a byte order mark is read over; names in unreadable text are not missed."""
    write(
        root, {"data.yaml": b"\xff" + DATASET.encode(), "b.yaml": DATASET.replace("support", "b", 1).encode("utf-16")}
    )
    assert codes(load_from(root)) == ["not-text", "not-text"]
    assert (
        codes(
            load_from(
                write(root, {"data.yaml": "\ufeff" + DATASET, "b.yaml": "\ufeff" + JOB.replace("support-v1", "b")})
            )
        )
        == []
    )


@pytest.mark.parametrize("unit", ["[", "{a: "])
def test_200000_brackets(root: Path, unit: str) -> None:
    """Deep nesting in one file is one problem."""
    assert codes(load_from(write(root, {"deep.yaml": unit * 200_000}))) == ["too-deep"]


def test_many_problems_in_a_document(root: Path) -> None:
    """Of thousands of problems a hundred are listed, and that there are more."""
    many = DATASET + "".join(f"k{n}: 1\n" for n in range(5000))
    found = codes(load_from(write(root, {"data.yaml": many})))
    assert found == ["unknown-field"] * 100 + ["too-many-problems"]


def test_pipes(root: Path) -> None:
    """A pipe in a folder is not waited for, and no data file; a device that is named is read up to the limit."""
    os.mkfifo(root / "pipe.yaml")
    assert codes(load_from(root)) == ["not-a-file"]
    write(root, {"data.yaml": DATASET.replace("data/support.jsonl", "pipe.yaml")})
    assert codes(load_from(root)) == ["not-a-file", "not-a-file"]
    assert codes(load_from(root, "/dev/zero")) == ["file-too-large"]
    assert codes(load_from(root, "/dev/null")) == ["empty-file"]


def test_files_that_cannot_be_opened(root: Path) -> None:
    """A link to nowhere in a folder of specs is told with the system's words."""
    (root / "gone.yaml").symlink_to("nowhere.yaml")
    (root / "loop.yaml").symlink_to("loop.yaml")
    found = load_from(root).diagnostics
    assert [each.code for each in found] == ["unreadable-file", "unreadable-file"]
    assert "No such file" in found[0].detail


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_that_cannot_be_read(root: Path) -> None:
    """A folder without permission is told."""
    (root / "closed").mkdir(mode=0)
    assert codes(load_from(root)) == ["unreadable-file"]


# --- data files


def test_links_out_of_the_root(root: Path) -> None:
    """A link that leads out of the root is refused, of a file or a folder; one that stays inside is followed."""
    write(root, {"../away/x.jsonl": "", "data/real.jsonl": ""})
    (root / "data" / "out.jsonl").symlink_to(root.parent / "away" / "x.jsonl")
    (root / "away").symlink_to(root.parent / "away")
    (root / "data" / "in.jsonl").symlink_to("real.jsonl")
    for name, expected in {"data/out.jsonl": "symbolic", "away/x.jsonl": "symbolic", "data/in.jsonl": None}.items():
        found = load_from(write(root, {"data.yaml": DATASET.replace("data/support.jsonl", name)})).diagnostics
        assert [each.code for each in found] == ([] if expected is None else ["outside-root"])
        assert expected is None or expected in found[0].detail


def test_a_root_behind_a_link(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The root may be a link itself."""
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(root)
    assert codes(load_from(link)) == []


@pytest.mark.parametrize("name", ["x" * 5000, "data/loop", "data/support.jsonl/x", "data/\ud7ff", "~/x", "a\\b"])
def test_paths_that_lead_nowhere(root: Path, name: str) -> None:
    """Whatever is written as a path, it is a missing file and no exception."""
    (root / "data" / "loop").symlink_to("loop")
    assert codes(load_from(write(root, {"data.yaml": DATASET.replace("data/support.jsonl", name)}))) == ["missing-file"]


def test_a_path_up_and_down_again(root: Path) -> None:
    """A path may leave the root on its way if it ends inside."""
    assert codes(load_from(write(root, {"data.yaml": DATASET.replace("data/", f"../{root.name}/data/")}))) == []


# --- one mistake, one problem


def test_a_broken_document_is_not_missed_elsewhere(root: Path) -> None:
    """References to a document with mistakes of its own are no further problems, nor is its name free."""
    assert codes(load_from(write(root, {"data.yaml": DATASET + "x: 1\n"}))) == ["unknown-field"]
    assert codes(load_from(write(root, {"data.yaml": DATASET + "x: [\n"}))) == ["yaml-syntax"]
    assert codes(load_from(write(root, {"data.yaml": DATASET.replace("Dataset", "DataSet")}))) == ["unknown-kind"]
    assert codes(load_from(write(root, {"data.yaml": DATASET + "x: 1\n---\n" + DATASET}))) == [
        "unknown-field",
        "duplicate-name",
    ]


@pytest.mark.parametrize("project", [PROJECT + "x: 1\n", PROJECT + "x: [\n", PROJECT.replace("Project", "Projekt")])
def test_a_broken_project_is_not_missed(root: Path, project: str) -> None:
    """A Project with mistakes is told for them, not for being absent."""
    loaded = load_from(write(root, {"project.yaml": project}))
    assert len(loaded.diagnostics) == 1
    assert loaded.project is None


def test_a_project_without_accounts(root: Path) -> None:
    """Without accounts, only that is told, not every account name."""
    bare = PROJECT.partition("    local")[0].rstrip().replace("accounts:", "accounts: {}")
    write(root, {"project.yaml": bare, "job.yaml": JOB.replace("support-v1", "a, account: x")})
    assert codes(load_from(root)) == ["missing-field"]


def test_other_tools_documents_may_hold_anything(root: Path) -> None:
    """Tags, keys and twice written keys of other tools' documents are none of our business."""
    text = "apiVersion: v1\nkind: Secret\na: !x 1\n1: 2\na: 3\n"
    loaded = load_from(write(root, {"other.yaml": text}))
    assert codes(loaded) == []
    assert loaded.whole


# --- forms that kinds to come may have


class Pair(Strict):
    """A mapping that needs two fields."""

    left: str
    right: str


class Wide(Strict):
    """A section with every form."""

    flag: bool = False
    either: Annotated[str, Field(max_length=3)] | None = None
    number: Annotated[float, Field(gt=0, lt=9)] = 1
    names: tuple[str, ...] = Field(default=(), strict=False)
    free: Mapping[str, object] = Field(default_factory=dict)
    nested: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)
    pair: Pair | None = None
    mode: Literal["fast", "slow"] = "fast"


class Many(Strict):
    """More fields than are listed in a message."""

    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0
    h: int = 0
    i: int = 0
    j: int = 0
    k: int = 0
    m: int = 0
    n: int = 0


class Nothing(Strict):
    """A section that holds nothing yet."""


class WideDocument(Document):
    """A kind with all these forms."""

    spec: Wide = Wide()
    many: Many = Many()
    nothing: Nothing = Nothing()


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("spec: {flag: yes}", "wrong-type", "Write true or false: in YAML 1.2, yes and no are words."),
        ("spec: {flag: 'true'}", "wrong-type", 'must be true or false, but here is the string "true". Take the quotes'),
        ("spec: {flag: 1}", "wrong-type", "must be true or false, but here is the number 1."),
        ("spec: {either: long}", "bad-value", "spec.either: String should have at most 3 characters."),
        ("spec: {either: true}", "wrong-type", "must be a string, but here is true. Put it in quotes."),
        ("spec: {number: 0}", "out-of-range", "spec.number must be more than 0; it is 0."),
        ("spec: {number: 9}", "out-of-range", "spec.number must be less than 9; it is 9."),
        ("spec: {names: [a, 1]}", "wrong-type", "spec.names[1] must be a string, but here is the number 1."),
        ("spec: {free: x}", "wrong-type", 'spec.free must be a mapping, but here is the string "x".'),
        ("spec: {nested: {a: [x]}}", "wrong-type", "spec.nested.a[0] must be a whole number"),
        ("spec: {nested: {token: [hunter2]}}", "wrong-type", "must be a whole number, but here is a string."),
        ("spec: {pair: x}", "wrong-type", 'must be a mapping like {left: …, right: …}, but here is the string "x".'),
        ("spec: {mode: 3}", "wrong-type", 'must be "fast" or "slow", but here is the number 3.'),
        ("spec: {mode: slwo}", "bad-value", 'write "fast" or "slow". Did you mean "slow"?'),
        ("many: {zzz: 1}", "unknown-field", '"zzz" is not a field of many in a Wide.'),
        ("nothing: {zzz: 1}", "unknown-field", "Nothing can be set there yet; take it out."),
        (f"spec: {{names: {'x' * 50}}}", "wrong-type", f'the string "{"x" * 40}…".'),
    ],
)
def test_forms(body: str, code: str, words: str) -> None:
    """Every form a field can have is told in words, with what to write where that is clear."""
    head = "apiVersion: ftops/v1alpha1\nkind: Wide\nmetadata: {name: a}\n"
    document, findings = validate(parse(f"{head}{body}\n".encode(), "a.yaml").trees[0], WideDocument, "Wide")
    assert document is None
    assert [finding.code for finding in findings] == [code]
    assert words in findings[0].detail


# --- any input


@settings(
    max_examples=2 * settings().max_examples,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_change_of_a_good_spec(tmp_path: Path, data: st.DataObject) -> None:
    """A spec with any piece replaced by anything loads or gives diagnostics with a place in it."""
    text = f"{PROJECT}---\n{DATASET}---\n{JOB}lifecycle: {{onFailure: {{retry: 1}}, allow: [model-matrix]}}\n"
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(begin + 30, len(text))))
    piece = data.draw(
        st.sampled_from(["", "[", "]", "}", "{a: b}", "[1]", "null", "1.5", "true", ": ", "\n", "x", "\\"])
    )
    changed = text[:begin] + piece + text[end:]
    loaded = load_input(changed.encode(), tmp_path)
    assert diagnostics_text(loaded.diagnostics, colour=False).endswith(".\n")
    assert all(each.span.line <= changed.count("\n") + 1 for each in loaded.diagnostics)


def test_a_linked_folder_makes_the_project_a_part(root: Path) -> None:
    """Links to folders are not followed, so what they hold was not seen, and nothing may be taken for an orphan."""
    assert load([], root, lambda: b"", RULES).whole
    (root.parent / "elsewhere").mkdir()
    (root / "linked").symlink_to(root.parent / "elsewhere")
    assert not load([], root, lambda: b"", RULES).whole


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("project.yaml", "metadata: {name: demo-7k2f", "metadata: {account: east, name: demo-7k2f", "unknown-field"),
        ("deploy.yaml", "name: prod", "formerly: [old], name: prod", "not-yet"),
    ],
)
def test_what_would_do_nothing_is_refused(root: Path, file: str, old: str, new: str, code: str) -> None:
    """A key that no kind heeds is an error, and never accepted and inert."""
    write(root, {"deploy.yaml": DEPLOYMENT})
    assert not load_from(root).diagnostics
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert [each.code for each in load_from(root).diagnostics] == [code]
