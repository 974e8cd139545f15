"""Lines of IRC: how they are read, and how a message becomes some.  No socket, no clock."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_TEXT = 400
"""Bytes of text in a line that we send; the server puts our name before it and cuts at 512 (RFC 2812 section 2.3)."""
MAX_LINES = 10
"""Lines of one message; what is beyond is not shown on IRC."""

FORMATTING = re.compile("\x03(?:\\d{1,2}(?:,\\d{1,2})?)?|\x04(?:[0-9a-fA-F]{6})?|[\x00-\x1f\x7f-\x9f]")
"""Colours and typefaces of IRC clients, and every other control character."""


class Line(NamedTuple):
    """One line from the server: who said it, the command, its parameters (RFC 2812 section 2.3.1)."""

    nick: str
    command: str
    parameters: list[str]


def parsed(raw: bytes) -> Line:
    """A line as the server sent it; text that is not UTF-8 is taken for Latin-1, as IRC clients do."""
    try:
        line = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        line = raw.decode("latin-1").rstrip("\r\n")
    if line.startswith("@"):
        line = line.partition(" ")[2].lstrip()
    source = ""
    if line.startswith(":"):
        source, _, line = line[1:].partition(" ")
    words, colon, last = line.partition(" :")
    command, *parameters = words.split() or [""]
    return Line(printable(source.partition("!")[0]), command.upper(), [*parameters, *([last] if colon else [])])


def printable(text: str) -> str:
    """The text without colours, typefaces and control characters."""
    return FORMATTING.sub("", text)


def portions(text: str) -> list[str]:
    """A message as lines that fit, cut between characters; empty lines, and lines beyond MAX_LINES, are left out."""
    found = []
    for line in text.splitlines():
        rest = printable(line).encode(errors="replace")
        while rest.strip():
            found.append(rest[:MAX_TEXT].decode(errors="ignore"))
            rest = rest[len(found[-1].encode()) :]
    more = [f"… ({len(found) - MAX_LINES} more lines)"] if len(found) > MAX_LINES else []
    return [*found[:MAX_LINES], *more] or [""]
