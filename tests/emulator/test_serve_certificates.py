"""Certificates of a served emulator: made once, kept while they fit, and made anew when they do not."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from ftops.clock import SystemClock
from ftops.emulator.serve_certificates import Certificate, certificate

from .conftest import START

YEAR = timedelta(days=365)


def _content(made: Certificate) -> tuple[bytes, bytes, bytes]:
    return made.chain.read_bytes(), made.key.read_bytes(), made.authority.read_bytes()


def _names(made: Certificate) -> set[str]:
    leaf = x509.load_pem_x509_certificate(made.chain.read_bytes())
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in found}


def test_made_once(tmp_path: Path) -> None:
    """A second start reads the files and changes none of them."""
    first = _content(certificate(tmp_path / "c", "127.0.0.1", START))
    assert _content(certificate(tmp_path / "c", "localhost", START + timedelta(days=300))) == first


def test_keys_are_only_the_owners(tmp_path: Path) -> None:
    """Nobody else can read a key, and the folder is the owner's."""
    certificate(tmp_path / "c", "127.0.0.1", START)
    for name in ("ca-key.pem", "server-key.pem"):
        assert stat.S_IMODE((tmp_path / "c" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700


def test_names_of_this_machine_and_the_host(tmp_path: Path) -> None:
    """The certificate is for the loopback names and for the host that is listened on."""
    own = {"localhost", "127.0.0.1", "::1"}
    assert _names(certificate(tmp_path / "a", "127.0.0.1", START)) == own
    assert _names(certificate(tmp_path / "b", "10.1.2.3", START)) == own | {"10.1.2.3"}
    assert _names(certificate(tmp_path / "c", "emulator.test", START)) == own | {"emulator.test"}


def test_another_host_keeps_the_authority(tmp_path: Path) -> None:
    """A certificate for another host is made by the same authority, so that clients that trust it go on."""
    first = _content(certificate(tmp_path, "127.0.0.1", START))
    second = _content(certificate(tmp_path, "10.1.2.3", START))
    assert (first[0] != second[0], first[2] == second[2]) == (True, True)


@pytest.mark.parametrize(
    ("later", "authority_kept"), [(timedelta(days=370), True), (timedelta(days=398), True), (10 * YEAR, False)]
)
def test_old_certificate_is_made_anew(tmp_path: Path, later: timedelta, *, authority_kept: bool) -> None:
    """A certificate that ends soon or has ended is made anew; the authority lasts ten years."""
    first = _content(certificate(tmp_path, "127.0.0.1", START))
    made = certificate(tmp_path, "127.0.0.1", START + later)
    second = _content(made)
    assert (first[0] != second[0], first[2] == second[2]) == (True, authority_kept)
    leaf = x509.load_pem_x509_certificate(second[0])
    assert leaf.not_valid_after_utc > START + later + timedelta(days=90)


@pytest.mark.parametrize("name", ["server.pem", "server-key.pem", "ca.pem", "ca-key.pem", "made.json"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_damaged_files_are_made_anew(tmp_path: Path, name: str, damage: str) -> None:
    """Whatever file is gone or cut, the next start ends with files that fit each other."""
    certificate(tmp_path, "127.0.0.1", START)
    path = tmp_path / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40])
    made = certificate(tmp_path, "10.1.2.3", START)
    leaf, authority = (x509.load_pem_x509_certificate(p.read_bytes()) for p in (made.chain, made.authority))
    leaf.verify_directly_issued_by(authority)


def test_certificate_is_good_now(tmp_path: Path) -> None:
    """A certificate made now is valid already, and for less than what systems refuse as too long."""
    now: datetime = SystemClock().now()
    leaf = x509.load_pem_x509_certificate(certificate(tmp_path, "127.0.0.1", now).chain.read_bytes())
    assert leaf.not_valid_before_utc < now < leaf.not_valid_after_utc
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=398)
