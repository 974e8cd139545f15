"""The languages pages and badges speak, and which of them somebody gets."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

MAX_ACCEPTED = 20
"""Languages of an Accept-Language header that are looked at; browsers send fewer than ten."""
MAX_TAG = 35
"""Characters of a language tag (RFC 5646 section 4.4.1)."""


class Language(enum.StrEnum):
    """One of ours."""

    ENGLISH = "en"
    GERMAN = "de"


class Choice(NamedTuple):
    """The language somebody gets; ``asked`` when the address itself names one, so that caches need not know more."""

    language: Language
    asked: bool


def chosen(query: Mapping[str, str], headers: Mapping[str, str]) -> Choice:
    """The language of ``?lang=``, else the one Accept-Language likes best, else English.

    A language we do not speak falls back to English.  Raises ValueError when ``lang`` is no language tag.
    """
    tag = query.get("lang")
    if tag is not None:
        return Choice(named(tag), True)
    return Choice(accepted(headers.get("Accept-Language", "")), False)


def named(tag: str) -> Language:
    """``de-AT`` is German.  Raises ValueError when the text is no language tag."""
    if not (0 < len(tag) <= MAX_TAG and tag.isascii() and tag.replace("-", "a").isalnum() and tag[0].isalpha()):
        raise ValueError("lang is no language tag, such as en or de-AT")
    return _ours(tag) or Language.ENGLISH


@lru_cache(maxsize=512)
def accepted(header: str) -> Language:
    """The best of an Accept-Language header (RFC 9110 section 12.5.4)."""
    best, language = 0.0, Language.ENGLISH
    for item in header.split(",", MAX_ACCEPTED)[:MAX_ACCEPTED]:
        tag, _, parameter = item.strip().partition(";")
        ours = _ours(tag.strip()) or (Language.ENGLISH if tag.strip() == "*" else None)
        quality = _quality(parameter.strip())
        if ours is not None and quality > best:
            best, language = quality, ours
    return language


def _ours(tag: str) -> Language | None:
    prefix = tag[:3].partition("-")[0].lower()
    return next((language for language in Language if language.value == prefix), None)


def _quality(parameter: str) -> float:
    """``q=0.8``; 1 where nothing is said, 0 where it makes no sense."""
    if not parameter:
        return 1.0
    name, _, value = parameter.partition("=")
    digits = value.strip()[:5]
    if name.strip().lower() != "q" or not digits.replace(".", "", 1).isdecimal() or not digits.isascii():
        return 0.0
    return min(float(digits), 1.0)
