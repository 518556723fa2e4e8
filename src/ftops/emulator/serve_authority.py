"""Makes an authority and the certificates it signs; the only file here that knows `cryptography`, which is slow."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
"""What browsers and systems accept of a server's certificate at most is 398."""


def make(chain: Path, key_path: Path, authority_path: Path, names: Sequence[str], now: datetime) -> datetime:
    """Write a server's certificate and key, and the authority if there is none to go on with; return its end."""
    until = now + timedelta(days=SERVER_DAYS)
    authority, authority_key = _authority(authority_path, authority_path.with_name("ca-key.pem"), now, until)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _signed_leaf(key, names, authority, authority_key, (now, until))
    _write(key_path, _pem_of(key))
    _write(chain, leaf.public_bytes(forms.Encoding.PEM), mode=0o644)
    return until


def _authority(
    path: Path, key_path: Path, now: datetime, until: datetime
) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """Return the authority that is there if it outlives the certificate, else a new one."""
    try:
        kept = x509.load_pem_x509_certificate(path.read_bytes())
        key = forms.load_pem_private_key(key_path.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey) and kept.not_valid_after_utc > until:
            kept_key: object = kept.public_key()
            if kept_key == key.public_key():
                return kept, key
    except (OSError, ValueError, TypeError):  # Missing, damaged or of another kind: a new one takes its place.
        pass
    made_key = ec.generate_private_key(ec.SECP256R1())
    made = _signed_authority(made_key, (now, now + timedelta(days=AUTHORITY_DAYS)))
    _write(key_path, _pem_of(made_key))
    _write(path, made.public_bytes(forms.Encoding.PEM), mode=0o644)
    return made, made_key


def _signed_authority(key: EllipticCurvePrivateKey, span: tuple[datetime, datetime]) -> x509.Certificate:
    name = _name(f"ftops emulator {os.urandom(4).hex()}")
    return (
        _begun(name, name, key, key, span)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _signed_leaf(
    key: EllipticCurvePrivateKey,
    names: Sequence[str],
    authority: x509.Certificate,
    authority_key: EllipticCurvePrivateKey,
    span: tuple[datetime, datetime],
) -> x509.Certificate:
    return (
        _begun(_name("ftops emulator server"), authority.subject, key, authority_key, span)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    issuer_key: EllipticCurvePrivateKey,
    span: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    # A client whose clock is a little behind must not find the certificate too young.
    first, last = span[0] - timedelta(hours=1), span[1]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem_of(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())


def _write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put a file in its place at once, with its mode from the first byte on."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as target:
        target.write(data)
    fresh.replace(path)
