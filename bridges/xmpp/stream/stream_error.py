"""The end of a stream that went wrong, in the words of RFC 6120 section 4.9."""

from __future__ import annotations

from ..syntax import xml

CONDITIONS = frozenset(
    {
        "bad-format",
        "bad-namespace-prefix",
        "conflict",
        "connection-timeout",
        "host-gone",
        "host-unknown",
        "improper-addressing",
        "internal-server-error",
        "invalid-from",
        "invalid-namespace",
        "invalid-xml",
        "not-authorized",
        "not-well-formed",
        "policy-violation",
        "remote-connection-failed",
        "reset",
        "resource-constraint",
        "restricted-xml",
        "see-other-host",
        "system-shutdown",
        "undefined-condition",
        "unsupported-encoding",
        "unsupported-feature",
        "unsupported-stanza-type",
        "unsupported-version",
    }
)
"""RFC 6120 section 4.9.3."""


class StreamError(Exception):
    """Why a stream cannot go on; ``condition`` is one of CONDITIONS, ``extra`` an element that says it closer."""

    def __init__(self, condition: str, text: str = "", extra: bytes = b"") -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text
        self.extra = extra


def stream_error(condition: str, text: str = "", extra: bytes = b"") -> bytes:
    """The ``<stream:error/>``; the end of the stream is to follow."""
    assert condition in CONDITIONS, condition
    inner = xml.element(condition, {"xmlns": xml.STREAM_ERRORS})
    if text:
        inner += xml.element("text", {"xmlns": xml.STREAM_ERRORS, "xml:lang": "en"}, xml.text(text))
    return xml.element("stream:error", None, inner + extra)
