"""Identity: the canonical form v1 frozen by golden vectors, markers, and the hash of contents."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from ftops.digest import (
    FILE_DIGEST_LENGTH,
    MARKER_LENGTH,
    ContentHash,
    Marker,
    canonical,
    derived_seed,
    digest_mark,
    digest_of,
    file_name,
    job_suffix,
    marker_in,
    marker_in_file_name,
    name_mark,
    owner_mark,
)
from ftops.model import Resource

from .builders import BASE, OWNER, PROJECT, WEST, dataset, deployment, job

CASES = Path(__file__).parent.parent / "cases" / "digests.json"


class Vector(TypedDict):
    """One frozen identity: the canonical form, its sha256, and how a marker writes it."""

    canonical: str
    digest: str
    marker: str


VECTORS: dict[str, Vector] = json.loads(CASES.read_text(encoding="utf-8"))

TRAIN, HOLDOUT = dataset("train", "one"), dataset("holdout", "two")
PARENT = job("parent", TRAIN)
FULL = {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5, "prompt_loss_weight": 0.01}
DPO = {"n_epochs": 2, "batch_size": 8, "learning_rate_multiplier": 0.5, "beta": 0.1, "l2_multiplier": 0.2}

RESOURCES: dict[str, Resource] = {
    "job-literal-model": PARENT,
    "job-parent": job("child", TRAIN, PARENT),
    "job-parent-pinned": job("child", TRAIN, PARENT, at="abcdefgh"),
    "job-seed": job("x", TRAIN, seed=105),
    "job-seed-zero": job("x", TRAIN, seed=0),
    "job-validation": job("x", TRAIN, validation=HOLDOUT),
    "job-rerun": job("x", TRAIN, lifecycle={"rerun": "again"}),
    "job-hyperparameters": job("x", TRAIN, hyperparameters=FULL),
    "job-learning-rate-one": job("x", TRAIN, hyperparameters={"learning_rate_multiplier": 1.0}),
    "job-standard": job("x", TRAIN, trainingType="Standard"),
    "job-developer": job("x", TRAIN, trainingType="developerTier"),
    "job-everything": job(
        "x",
        TRAIN,
        PARENT,
        validation=HOLDOUT,
        hyperparameters=FULL,
        seed=7,
        lifecycle={"rerun": "2nd \N{BLACK HEART SUIT}"},
    ),
    "job-dpo": job("x", TRAIN, method="dpo"),
    "job-dpo-hyperparameters": job("x", TRAIN, PARENT, method="dpo", hyperparameters=DPO),
    "deployment-job": deployment("prod", PARENT),
    "deployment-base-model": deployment("prod", {"format": "OpenAI", "name": "gpt-4o", "version": "2024-08-06"}),
    "deployment-everything": deployment(
        "prod", PARENT, at="abcdefgh", capacity=80, raiPolicyName="Microsoft.DefaultV2", tags={"team": "support"}
    ),
}


def test_every_vector_has_its_resource() -> None:
    """No frozen vector is left without a document that has it."""
    assert VECTORS.keys() == RESOURCES.keys()


@pytest.mark.parametrize("name", RESOURCES)
def test_a_document_has_its_frozen_digest(name: str) -> None:
    """The canonical form and digest of a document never change, or everything would be trained again."""
    vector, resource = VECTORS[name], RESOURCES[name]
    assert hashlib.sha256(vector["canonical"].encode("ascii")).hexdigest() == vector["digest"]
    assert resource.digest == vector["digest"]
    assert digest_mark(vector["digest"]) == vector["marker"]


@pytest.mark.parametrize("name", RESOURCES)
def test_a_frozen_form_is_canonical(name: str) -> None:
    """Writing the inputs of a frozen form again gives the same bytes."""
    form = json.loads(VECTORS[name]["canonical"])
    kind, version = form.pop("kind"), form.pop("form")
    assert version == 1
    assert canonical(kind, form) == VECTORS[name]["canonical"].encode("ascii")
    assert digest_of(kind, dict(reversed(form.items()))) == VECTORS[name]["digest"]


def test_a_data_set_is_the_hash_of_its_content() -> None:
    """A dataset's digest is its content's sha256, of which the file name carries 16 digits."""
    assert TRAIN.digest == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert TRAIN.fields["filename"] == f"train.{OWNER}.7692c3ad3540bb80.jsonl"
    assert TRAIN.marker == Marker(OWNER, "train", "7692c3ad3540bb80")


def test_a_job_has_its_frozen_suffix_and_seed() -> None:
    """The suffix and the derived seed that go into a create call are frozen too."""
    digest = VECTORS["job-literal-model"]["digest"]
    assert PARENT.fields["suffix"] == f"parent-mkcp4ry{VECTORS['job-literal-model']['marker']}"
    assert PARENT.fields["seed"] == int(digest[:8], 16) // 2 == derived_seed(digest)


def test_marks_are_frozen() -> None:
    """Owner and name marks are the first base32 characters of the sha256 of a name."""
    assert (owner_mark(PROJECT), name_mark("parent"), digest_mark("00" * 32)) == ("mkcp", "4ry", "aaaaaaaa")
    assert digest_mark("ff" * 32) == "77777777"


SAME: dict[str, dict[str, Any]] = {
    "auto": {"hyperparameters": {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}},
    "-1": {"hyperparameters": {"n_epochs": -1, "batch_size": -1, "learning_rate_multiplier": -1}},
    "-1.0": {"hyperparameters": {"learning_rate_multiplier": -1.0}},
    "null": {"hyperparameters": {"n_epochs": None}, "seed": None, "validation_file": None, "suffix": None},
    "no hyperparameters": {"hyperparameters": None},
    "empty hyperparameters": {"hyperparameters": {}},
    "method object": {"method": {"type": "supervised"}},
    "full method object": {"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": "auto"}}}},
    "training type in another case": {"trainingType": "globalstandard"},
    "suffix": {"suffix": "mine"},
}


@pytest.mark.parametrize("name", SAME)
def test_spellings_of_one_training_have_one_digest(name: str) -> None:
    """auto, -1, null and absence are the same, and what does not decide the training does not count."""
    assert job("other-name", TRAIN, **SAME[name]).digest == PARENT.digest


def test_metadata_and_lifecycle_do_not_count() -> None:
    """Name, former names, labels, account, suffixMax and every lifecycle key but rerun stay outside the digest."""
    metadata = {"formerly": ["old"], "labels": {"team": "x"}, "annotations": {"a": "b"}, "namespace": "n"}
    lifecycle = {"onFailure": {"retry": 2}, "onParentChange": "retrain", "allow": ["model-matrix"], "expectedUsd": 9}
    other = job("x", TRAIN, account=WEST, suffix_max=64, metadata=metadata, lifecycle=lifecycle)
    assert other.digest == PARENT.digest


@pytest.mark.parametrize(
    "spec",
    [
        {"hyperparameters": {"n_epochs": 1}},
        {"hyperparameters": {"n_epochs": 2}},
        {"hyperparameters": {"batch_size": 1}},
        {"trainingType": "Standard"},
        {"seed": 0},
        {"seed": 1},
        {"model": "gpt-4o-2024-08-06"},
        {"lifecycle": {"rerun": ""}},
    ],
    ids=str,
)
def test_inputs_of_a_training_count(spec: dict[str, object]) -> None:
    """Another value of an input is another training; a zero, a one and an empty word are values."""
    assert job("x", TRAIN, **spec).digest != PARENT.digest  # type: ignore[arg-type]


def test_one_point_zero_is_one() -> None:
    """A whole float is written as the integer, at any depth."""
    integer = job("x", TRAIN, hyperparameters={"learning_rate_multiplier": 1})
    assert integer.digest == VECTORS["job-learning-rate-one"]["digest"]
    assert canonical("k", {"a": {"b": [1.0, {"c": -0.0}]}}) == canonical("k", {"a": {"b": [1, {"c": 0}]}})


def test_epochs_written_as_float_are_no_other_training() -> None:
    """`n_epochs: 3.0` is never another training than `n_epochs: 3`: it is the same, or refused."""
    whole = job("x", TRAIN, hyperparameters={"n_epochs": 3})
    with suppress(ValidationError):
        assert job("x", TRAIN, hyperparameters={"n_epochs": 3.0}).digest == whole.digest


def test_method_object_and_top_level_settings_are_one() -> None:
    """Hyperparameters beside a string method are folded under the method."""
    nested = {"type": "supervised", "supervised": {"hyperparameters": FULL}}
    assert job("x", TRAIN, method=nested).digest == VECTORS["job-hyperparameters"]["digest"]


def test_dpo_settings_are_one_wherever_they_stand() -> None:
    """A dpo job has one digest, written as the wire object or with its settings beside the method's name."""
    nested = {"type": "dpo", "dpo": {"hyperparameters": DPO}}
    assert job("y", TRAIN, PARENT, method=nested).digest == VECTORS["job-dpo-hyperparameters"]["digest"]
    auto = {"beta": "auto", "l2_multiplier": -1, "n_epochs": None}
    assert job("y", TRAIN, method="dpo", hyperparameters=auto).digest == VECTORS["job-dpo"]["digest"]


def test_a_beta_of_the_services_own_is_not_an_explicit_one() -> None:
    """Writing down what the service would choose is another training: the choice may change, the spec does not."""
    explicit = job("y", TRAIN, method="dpo", hyperparameters={"beta": 0.1})
    assert explicit.digest != VECTORS["job-dpo"]["digest"] != PARENT.digest


def test_absent_inputs_leave_no_trace() -> None:
    """An input that a later version learns changes no digest that exists."""
    assert canonical("job", {"model": "m", "later": None, "more": {}}) == canonical("job", {"model": "m"})


def test_what_is_no_number_is_refused() -> None:
    """NaN and infinity have no JSON and raise."""
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            canonical("job", {"x": bad})


def test_a_data_set_counts_by_content_and_a_parent_by_digest() -> None:
    """Renaming a dataset or a parent changes nothing; another content or version does."""
    assert job("x", dataset("renamed", "one")).digest == PARENT.digest
    assert job("x", dataset("train", "other")).digest != PARENT.digest
    assert job("child", TRAIN, job("renamed", TRAIN)).digest == VECTORS["job-parent"]["digest"]
    pinned = job("child", TRAIN, job("parent", TRAIN, seed=9), at=PARENT.marker.digest)
    assert pinned.digest == VECTORS["job-parent"]["digest"]


# --- markers

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
MARKERS = st.builds(
    Marker, st.text(BASE32, min_size=4, max_size=4), st.text(BASE32, min_size=3, max_size=3),
    st.text(BASE32, min_size=8, max_size=8),
)  # fmt: skip
USER_PARTS = st.text("abcXYZ019-_", min_size=1, max_size=64)
HEX = st.text("0123456789abcdef", min_size=FILE_DIGEST_LENGTH, max_size=FILE_DIGEST_LENGTH)


@given(USER_PARTS, MARKERS, st.integers(17, 64))
def test_a_suffix_carries_its_marker(user_part: str, marker: Marker, suffix_max: int) -> None:
    """The marker comes back out of any suffix, also with a dash or another marker in the user's part."""
    suffix = job_suffix(user_part, marker, suffix_max)
    assert len(suffix) <= suffix_max
    assert marker_in(suffix) == marker


@pytest.mark.parametrize("suffix_max", range(17, 65))
def test_only_the_users_part_is_cut(suffix_max: int) -> None:
    """At every suffixMax the user's part is what is left of it beside sixteen characters of ours."""
    marker = Marker("abcd", "efg", "hijklmno")
    suffix = job_suffix("u" * 64, marker, suffix_max)
    assert suffix == "u" * (suffix_max - MARKER_LENGTH) + "-abcdefghijklmno"
    assert len(suffix) == suffix_max
    assert job_suffix("u", marker, suffix_max) == "u-abcdefghijklmno"


@given(USER_PARTS, MARKERS, st.integers(0, 10**6))
def test_a_marker_is_read_inside_model_and_checkpoint_names(user_part: str, marker: Marker, step: int) -> None:
    """A model's name carries it after base and job id, a checkpoint's before its step."""
    name = f"{BASE}.ft-{'0123456789abcdef' * 2}-{job_suffix(user_part, marker, 64)}"
    assert marker_in(name) == marker_in(f"{name}:ckpt-step-{step}") == marker


@pytest.mark.parametrize(
    "text",
    [
        "",
        "support",
        BASE,
        f"{BASE}.ft-{'0123456789abcdef' * 2}",
        f"{BASE}.ft-{'0123456789abcdef' * 2}-support",
        "abcdefghijklmno",
        "x-abcdefghijklmn",
        "x-abcdefghijklmnop",
        "x-Abcdefghijklmno",
        "x-abcdefghijklmn1",
        "x_abcdefghijklmno",
        "x-abcdefghijklmno-",
        "x-abcdefghijklmno:ckpt-step-",
        "x-abcdefghijklmno:ckpt-step-1:ckpt-step-2",
        "x-abcdefghijklmno.jsonl",
        "x-abcdefghijklmno\n",
    ],
)
def test_what_is_no_marker_is_not_read_as_one(text: str) -> None:
    """Suffixes of another length, alphabet or end carry no marker."""
    assert marker_in(text) is None


def test_a_foreign_suffix_of_our_shape_has_another_owner() -> None:
    """Fifteen letters after a dash look like a marker; its owner is then not ours."""
    found = marker_in("model-internationally")
    assert found is not None
    assert found.owner == "inte" != OWNER


@given(st.text("abc09-", min_size=1, max_size=63), st.text(BASE32, min_size=4, max_size=4), HEX)
@example("a.b", "abcd", "0" * 16)
def test_a_file_name_carries_its_marker(name: str, owner: str, digest: str) -> None:
    """Name, owner and digest come back out of a file's name."""
    marker = Marker(owner, name, digest)
    assert marker_in_file_name(file_name(marker)) == marker


@pytest.mark.parametrize(
    "name",
    [
        "",
        "train.jsonl",
        ".abcd.0123456789abcdef.jsonl",
        "train.abc.0123456789abcdef.jsonl",
        "train.ABCD.0123456789abcdef.jsonl",
        "train.abcd.0123456789abcde.jsonl",
        "train.abcd.0123456789ABCDEF.jsonl",
        "train.abcd.0123456789abcdef.json",
        "train.abcd.0123456789abcdef.jsonl.gz",
        "train.abcd.0123456789abcdef.jsonl\n",
    ],
)
def test_other_file_names_carry_no_marker(name: str) -> None:
    """Another tool's files are not read as ours."""
    assert marker_in_file_name(name) is None


@given(st.binary(min_size=32, max_size=32))
def test_a_derived_seed_has_31_bits(digest: bytes) -> None:
    """The seed is the first 31 bits of the digest, which the service takes (0 to 2147483647)."""
    seed = derived_seed(digest.hex())
    assert seed == int.from_bytes(digest) >> 225
    assert 0 <= seed <= 2_147_483_647


# --- contents

PIECES = st.lists(st.sampled_from([b"\xef", b"\xbb", b"\xbf", b"\r", b"\n", b"a", b"{}", b""]), max_size=12)


def simple_hash(content: bytes) -> str:
    """Return what semantics §1 says: sha256 of the bytes without BOM, with CRLF as LF."""
    return hashlib.sha256(content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")).hexdigest()


@given(PIECES)
@example([b"\xef", b"\xbb", b"\xbf", b"\r", b"\n"])
@example([b"\xef\xbb"])
@example([b"\r", b"\r", b"\n"])
@example([b"\xef\xbb\xbf\xef\xbb\xbf"])
def test_any_split_into_blocks_has_the_hash_of_the_whole(blocks: list[bytes]) -> None:
    """However a file is read, byte-order mark and line ends are seen across the blocks' edges."""
    content = ContentHash()
    for number, block in enumerate(blocks):
        content.update(block)
        assert content.hexdigest() == simple_hash(b"".join(blocks[: number + 1]))
    assert content.hexdigest() == simple_hash(b"".join(blocks))


@given(st.binary(max_size=200), st.integers(1, 7))
def test_any_block_size_has_the_hash_of_the_whole(content: bytes, size: int) -> None:
    """Blocks of one size give the same."""
    hashed = ContentHash()
    for start in range(0, len(content), size):
        hashed.update(content[start : start + size])
    assert hashed.hexdigest() == simple_hash(content)


def test_line_ends_and_byte_order_mark_do_not_matter() -> None:
    """The same rows saved by another editor are the same dataset."""
    assert simple_hash(b"\xef\xbb\xbf{}\r\n{}\r\n") == simple_hash(b"{}\n{}\n")
