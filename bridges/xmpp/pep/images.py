"""What kind of picture some bytes are, by how they begin, and how large it is."""

from __future__ import annotations

import struct
from typing import NamedTuple

PNG, GIF, JPEG, RIFF, WEBP = b"\x89PNG\r\n\x1a\n", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"WEBP"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Image(NamedTuple):
    """A media type; width and height are 0 where they are not to be found at once."""

    type: str
    width: int = 0
    height: int = 0


def kind(data: bytes) -> Image | None:
    """None for what is no picture that chat programs show."""
    if data.startswith(PNG):
        return Image("image/png", *_numbers(data, 16, ">II"))
    if data.startswith(GIF):
        return Image("image/gif", *_numbers(data, 6, "<HH"))
    if data.startswith(JPEG):
        return Image("image/jpeg", *_jpeg_size(data))
    if data.startswith(RIFF) and data[8:12] == WEBP:
        return Image("image/webp")
    return None


def _numbers(data: bytes, at: int, form: str) -> tuple[int, int]:
    if len(data) < at + struct.calcsize(form):
        return 0, 0
    width, height = struct.unpack_from(form, data, at)
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """From the first frame header: each segment says how long it is."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _JPEG_FRAMES:
            height, width = _numbers(data, at + 5, ">HH")
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0
