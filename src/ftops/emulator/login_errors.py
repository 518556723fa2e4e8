"""Refusals of the endpoints that give tokens, which have a shape of their own."""

from __future__ import annotations

import json
import re

from ftops.emulator.messages import Response, reply

_TOKEN_ENDPOINT = re.compile(r"/[^/]+/oauth2(/v2\.0)?/token", re.IGNORECASE)
_CODE = re.compile(r"AADSTS(\d+)")


def oauth_error(status: int, error: str, text: str) -> Response:
    """Return a refusal as OAuth has it, with Microsoft Entra's code if the text begins with one."""
    code = _CODE.match(text)
    return reply({"error": error, "error_description": text, "error_codes": [int(code[1])] if code else []}, status)


def as_sign_in_tells(path: str, refusal: Response) -> Response:
    """Return a refusal that a fault makes in the shape of a token endpoint if one is asked."""
    if not _TOKEN_ENDPOINT.fullmatch(path) or not isinstance(refusal.body, bytes):
        return refusal
    error = json.loads(refusal.body)["error"]
    told = oauth_error(refusal.status, str(error["code"]), str(error["message"]))
    return told.with_headers({name: value for name, value in refusal.headers.items() if name != "Content-Type"})
