"""Texts made safe to print and to keep: without keys, tokens and signatures."""

from __future__ import annotations

import re

HIDDEN = "…"

_QUOTE = r"(?:\\*[\"']|&quot;)?"
_NAMES = (
    r"(?:ocp-apim-subscription-key|(?:x[-_])?api[-_ ]?key|subscription[-_]?key|account[-_]?key|"
    r"(?:access|refresh|id|auth)[-_]?token|client[-_]?secret|secret|password|sharedaccesskey)"
)
_SECRETS = (
    # Authorization headers of every scheme hide to the end of the line or the quote.
    (re.compile(rf"(?i)(authorization{_QUOTE}\s*[:=]\s*{_QUOTE})[^\"'\\\r\n]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:bearer|basic|sharedkey)\s+)[A-Za-z0-9._~+/=:-]{8,}"), rf"\1{HIDDEN}"),
    # The signature of a SAS or of a signed polling URL, in any query; HTML writes & as &amp;, JSON as \\u0026.
    (
        re.compile(
            r"(?i)((?:[?&;\s]|&amp;|\\u0026|%3F|%26)"
            r"(?:sig|signature|s|h|t|c|se|sv|sp|sr|sk[a-z]{1,3}|code|key|token|access_token|x-(?:amz|goog)-[a-z-]+|"
            r"awsaccesskeyid|key-pair-id)(?:=|%3D))[^&;\s\"'<>\\]+"
        ),
        rf"\1{HIDDEN}",
    ),
    # A signature wherever it stands, also without the rest of its query.
    (re.compile(rf"(?i)\b(sig(?:nature)?(?:=|%3D))(?!{HIDDEN})[^&;\s\"'<>\\]+"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)({_NAMES}{_QUOTE}\s*[:=]\s*{_QUOTE})[^\s\"',;&\\]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(key provided:\s*)\S+"), rf"\1{HIDDEN}"),
    # The password before a host, as in a proxy's address.
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    # JSON web tokens and keys of known shape, wherever they stand.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), HIDDEN),
)


def redact(text: str) -> str:
    """Return a text without keys, tokens and signatures; what hides them is always `…`."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text
