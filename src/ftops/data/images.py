"""The rules of pictures in rows: their form, size and number, read from the data; a URL is looked at and never fetched.

What an address leads to is not ours to ask for: it may lead anywhere, and tell whoever serves it that somebody looked.
"""

from __future__ import annotations

import binascii
import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ftops.data.decode import JsonPath
from ftops.data.rows import Fields, Finding, Found, Row, hint, named
from ftops.rules import ImageRules, Limits

IMAGE = "image_url"
UNKNOWN_PIXELS = 1024
"""The sides of a picture that is not in the file, for the estimate of its tokens."""

_DATA = re.compile(r"data:(?P<type>[^;,]{0,64})(?P<base64>;base64)?,")
_WEB = re.compile(r"https?://[^\s/]+", re.IGNORECASE)
_DECLARED = {"image/jpeg": "jpeg", "image/jpg": "jpeg", "image/png": "png", "image/webp": "webp"}
_OTHER = {"image/gif", "image/bmp", "image/tiff", "image/svg+xml", "image/heic", "image/avif"}
"""Types that are meant as they are written, though they are near to one that is trained on."""
_BEGINS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"%PDF", "pdf"),
)
_PNG_COLOURS = {2, 6}
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_COMPONENTS = 3
_BASE64 = (string.ascii_letters + string.digits + "+/").encode("ascii")
_HEADS = (1 << 12, 4 * -(-(1 << 16) // 3))
"""Characters of base64 to look into: mostly the first few are enough, but before its frame a JPEG may tell a lot."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the first bytes of a picture tell; sides are 0 where they tell none, `coloured` is RGB or RGBA."""

    form: str
    width: int = 0
    height: int = 0
    coloured: bool = True


def image_parts(message: Fields) -> Iterator[tuple[int, Fields]]:
    """Yield the image parts of a message, each with its index in the content."""
    content = message.get("content")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, dict) and part.get("type") == IMAGE:
            yield index, part


def images_of_row(row: Row) -> Found:
    """Yield that a row has too many images, more than a call may have, or some that have to be fetched."""
    rules = row.limits.images
    parts = [(index, place, part) for index, message in row.messages for place, part in image_parts(message)]
    if len(parts) > rules.per_row_max:
        detail = f"The row has {len(parts)} images; a row takes {rules.per_row_max}. Split it, or leave some out."
        yield Finding("too-many-images", row.at, detail)
    elif len(parts) > rules.per_call_max:
        detail = f"The row has {len(parts)} images, and a call of the model takes {rules.per_call_max}: "
        yield Finding("many-images", row.at, f"{detail}it could not be asked like this.")
    for index, place, part in parts:
        if _WEB.match(_url(part)):
            detail = "The service fetches it while the job prepares: it has to stay public until the job has ended."
            yield Finding("image-by-url", (*row.at, index, "content", place), detail)
            return


def images_of_message(at: JsonPath, message: Fields, limits: Limits) -> Found:
    """Yield what is wrong with the images of one message."""
    for place, part in image_parts(message):
        path = (*at, "content", place)
        if message.get("role") == "assistant":
            detail = (
                "Images are asked about, not learned to be made: only other messages than the assistant's have them."
            )
            yield Finding("image-role", path, detail)
        yield from _of_part((*path, IMAGE), part, limits.images)


def _of_part(path: JsonPath, part: Fields, rules: ImageRules) -> Found:
    image, url = part.get(IMAGE), _url(part)
    if not isinstance(image, dict) or not url:
        detail = 'An image must look like {"type": "image_url", "image_url": {"url": "...", "detail": "low"}}.'
        yield Finding("image-shape", path, detail)
        return
    detail_word = image.get("detail", rules.details[0])
    if detail_word not in rules.details:
        told = f"The detail of an image is one of {', '.join(rules.details)}.{hint(detail_word, rules.details)}"
        yield Finding("image-shape", (*path, "detail"), told)
    if url.startswith("data:"):
        yield from _of_data((*path, "url"), url, rules)
    elif not _WEB.match(url):
        told = "The url must be a public http or https address, or data:image/jpeg;base64 and the image itself."
        yield Finding("image-shape", (*path, "url"), told)


def _url(part: Fields) -> str:
    image = part.get(IMAGE)
    url = image.get("url") if isinstance(image, dict) else None
    return url if isinstance(url, str) else ""


def _of_data(path: JsonPath, url: str, rules: ImageRules) -> Found:
    found = _DATA.match(url)
    if found is None or not found["base64"]:
        yield Finding("image-shape", path, "A data URL must begin as data:image/jpeg;base64 and a comma.")
        return
    if found["type"].lower() not in _DECLARED:
        other = found["type"].lower() in _OTHER
        meant = "" if other else hint(found["type"], tuple(_DECLARED))
        detail = f"{named(found['type'])} is not trained on; convert it to {_listed(rules.formats)}.{meant}"
        yield Finding("image-format", path, detail)
        return
    size_bytes = _decoded_bytes(url, found.end())
    if size_bytes is None:
        yield Finding("image-format", path, "What follows the comma is not base64; encode the image anew.")
        return
    if size_bytes > rules.size_bytes_max:
        most = f"{rules.size_bytes_max >> 20} MB"
        detail = f"The image has {size_bytes / 1e6:,.1f} MB; one may have {most}. Make it smaller."
        yield Finding("image-too-large", path, detail)
    yield from _of_picture(path, _picture_at(url, found.end()), rules)


def _decoded_bytes(url: str, begin: int) -> int | None:
    """Return how many bytes the base64 in a URL stands for, or None if it is none.

    Nothing is decoded: to look for characters that are not base64 takes a seventh of the time.
    """
    try:
        text = url[begin:].encode("ascii")
    except UnicodeEncodeError:
        return None
    rest = text.translate(None, _BASE64)
    if rest not in {b"", b"=", b"=="} or not text.endswith(rest) or len(text) % 4:
        return None
    return len(text) // 4 * 3 - len(rest)


def _picture_at(url: str, begin: int) -> Picture | None:
    """Return what the base64 in a URL tells of a picture; only as much of it is decoded as that takes."""
    picture = None
    for most in _HEADS:
        head = url[begin : begin + most]
        try:
            picture = picture_of(binascii.a2b_base64(head[: len(head) // 4 * 4].encode("ascii", "replace")))
        except ValueError:
            return None
        if len(head) < most or (picture and picture.width):
            break
    return picture


def _of_picture(path: JsonPath, picture: Picture | None, rules: ImageRules) -> Found:
    if picture is None or picture.form not in rules.formats:
        what = f"It is {picture.form.upper()}" if picture else "Its first bytes are those of no known image"
        detail = f"{what}; only {_listed(rules.formats)} are trained on. Convert it."
        yield Finding("image-format", path, detail)
    elif not picture.coloured:
        detail = "The image is not in colour (RGB or RGBA) but grey, CMYK or with a palette. Convert it to RGB."
        yield Finding("image-format", path, detail)


def _listed(forms: Iterable[str]) -> str:
    return ", ".join(form.upper() for form in forms)


def picture_of(data: bytes) -> Picture | None:
    """Return what the first bytes tell of a picture, or None if they are of no known one."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    form = next((name for begin, name in _BEGINS if data.startswith(begin)), None)
    if form == "png" and data[12:16] == b"IHDR" and len(data) > 25:  # noqa: PLR2004 - the header's length
        width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
        return Picture(form, width, height, data[25] in _PNG_COLOURS)
    if form == "jpeg":
        return _jpeg(data)
    return Picture(form) if form else None


def _jpeg(data: bytes) -> Picture:
    """Walk over the segments to the frame that tells the size."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - the mark of a segment
        mark = data[at + 1]
        if mark in _JPEG_FRAMES:
            height, width = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
            return Picture("jpeg", width, height, data[at + 9] == _JPEG_COMPONENTS)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return Picture("jpeg")


def _webp(data: bytes) -> Picture:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return Picture("webp", width, height)


def image_tokens(part: Fields, rules: ImageRules) -> int:
    """Return how many tokens an image is taken to have, by its detail and its size as far as the row has it."""
    image = part.get(IMAGE)
    if isinstance(image, dict) and image.get("detail") == "low":
        return rules.low_tokens
    url = _url(part)
    found = _DATA.match(url)
    picture = _picture_at(url, found.end()) if found and found["base64"] else None
    if picture is None or not picture.width:
        return rules.tokens(UNKNOWN_PIXELS, UNKNOWN_PIXELS)
    return rules.tokens(picture.width, picture.height)
