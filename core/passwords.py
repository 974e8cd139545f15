"""Passwords as text: what counts as one, and how it is prepared before any key is derived from it."""

from __future__ import annotations

import stringprep
import unicodedata

from .errors import Refused, TooLarge

MAX_PASSWORD = 1024
"""Bytes of a password in UTF-8."""

VIRAMA = 9
"""The canonical combining class of viramas, after which a joiner is part of the writing (RFC 5892 appendix A)."""

UNSPOKEN = frozenset(
    [
        *"\u034f\u17b4\u17b5\u3164\uffa0",
        *map(chr, range(0x1100, 0x1200)),
        *map(chr, range(0x180B, 0x1810)),
        *map(chr, range(0xA960, 0xA980)),
        *map(chr, range(0xD7B0, 0xD800)),
        *map(chr, range(0xFE00, 0xFE10)),
        *map(chr, range(0xE0100, 0xE01F0)),
    ]
)
"""Letters and marks that show nothing, and Hangul in parts that form no syllable (PRECIS disallows both: RFC 8264)."""

PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
"""What SASLprep allows in no output (RFC 4013 section 2.3)."""


def opaque(password: str) -> str:
    """A password as the profile OpaqueString has it (RFC 8265 section 4.2): NFC, every space a plain one.

    Raises Refused for no password at all and for characters that none may have, TooLarge above MAX_PASSWORD.
    """
    if len(password) > MAX_PASSWORD:
        raise TooLarge(f"a password is longer than {MAX_PASSWORD} bytes")
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    text = unicodedata.normalize("NFC", spaced)
    if not text:
        raise Refused("a password is needed")
    if not all(_allowed(text, at) for at in range(len(text))):
        raise Refused("a password has characters that none may have: control characters, for example")
    if len(text.encode()) > MAX_PASSWORD:
        raise TooLarge(f"a password is longer than {MAX_PASSWORD} bytes")
    return text


def saslprep(password: str) -> str:
    """The same password as a SCRAM client prepares it (RFC 5802 section 2.2, RFC 4013).

    What SASLprep knows no form of stays as it is, because that is what clients send then; code points newer than its
    Unicode 3.2 pass, as in a query string (RFC 3454 section 7).
    """
    if password.isascii():
        return password
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c))
    text = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not text or any(prohibited(c) for c in text for prohibited in PROHIBITED) or not _one_direction(text):
        return password
    return text


def _allowed(text: str, at: int) -> bool:
    """Whether a character is in the FreeformClass of PRECIS (RFC 8264 section 4.3)."""
    character = text[at]
    if character in "\u200c\u200d":
        return at > 0 and unicodedata.combining(text[at - 1]) == VIRAMA
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp") and character not in UNSPOKEN


def _one_direction(text: str) -> bool:
    """RFC 3454 section 6: a right-to-left string has no left-to-right letters and begins and ends right-to-left."""
    if not any(stringprep.in_table_d1(c) for c in text):
        return True
    mixed = any(stringprep.in_table_d2(c) for c in text)
    return not mixed and stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
