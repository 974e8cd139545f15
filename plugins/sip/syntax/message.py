"""SIP messages: read lazily, changed in place, printed safely.  No socket, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2s
from secrets import token_bytes
from string import digits

from ..transport.limits import MAX_HEADERS, MAX_LENGTH, MAX_LINE
from .fields import SipMessage, Value
from .grammar import CONTROLS, TOKEN, MalformedSip, made_of, number
from .headers import METHODS, Via
from .names import KEYS, key_of
from .reasons import REASONS
from .uri import SipUri

VERSION = "SIP/2.0"
COPIED = frozenset(("via", "from", "to", "call-id", "cseq"))
COPIED_TO_TRYING = COPIED | {"timestamp"}
"""RFC 3261 section 8.2.6.1."""
_TAGS = token_bytes(16)
"""Keys the tags, so that nobody outside can foresee one."""
BRANCH = re.compile(r"(?i);[ \t]*+branch[ \t]*+=[ \t]*+([^\s;,=]++)")
_PRINTABLE = [chr(octet) for octet in CONTROLS if octet not in b"\r\n\t"]
_CLEANING = {octet: "\ufffd" for octet in CONTROLS}

__all__ = ["Request", "Response", "SipMessage", "parse", "parse_head"]


class Request(SipMessage):
    """RFC 3261 section 7.1."""

    __slots__ = ("came_by", "method", "uri")

    def __init__(
        self, method: str, uri: str | SipUri, headers: Iterable[tuple[str, Value]] = (), body: bytes = b""
    ) -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = str(uri)
        self.came_by: SipUri | None = None
        """The Route that named us, once it is taken off (RFC 3261 section 16.4)."""

    @classmethod
    def prepared(cls, method: str, uri: str, fields: Iterable[tuple[str, str, str]]) -> Request:
        """A request with header lines that were made before, as ``SipMessage.lines`` gives them."""
        request = cls(method, uri)
        request._fill(list(fields))
        return request

    @property
    def target(self) -> SipUri:
        """The Request-URI, parsed."""
        return SipUri.parse(self.uri)

    def came_from(self, host: str, port: int) -> None:
        """What the transport writes into the top Via: RFC 3261 section 18.2.1, RFC 3581 section 4.

        Raises MalformedSip.
        """
        transport, by, at, params = self.via[0]
        if "rport" in params:
            params = params.plus({"received": host, "rport": str(port)})
        elif by.strip("[]").lower() != host:
            params = params.plus({"received": host})
        else:
            return
        self.set_top("Via", Via(transport, by, at, params))

    def reply(
        self,
        status: int,
        reason: str | None = None,
        *,
        headers: Iterable[tuple[str, Value]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Response:
        """A response with what RFC 3261 section 8.2.6.2 says is copied, and a tag in To unless it is a 100."""
        response = Response(status, reason)
        if status == 100:
            response._fill([field for field in self._fields if field[0] in COPIED_TO_TRYING])
        else:
            tag = self._tag()
            copied = [field for field in self._fields if field[0] in COPIED]
            if tag:
                copied = [field if field[0] != "to" else ("to", field[1], field[2] + tag) for field in copied]
            response._fill(copied)
        for name, text in headers:
            response.add(name, text)
        if content_type is not None:
            response.add("Content-Type", content_type)
        response.body = body
        return response

    def _tag(self) -> str:
        """To's tag when it has none: the same one in every response to this request, however often it comes.

        RFC 3261 section 8.2.6.2; section 8.2.7 for those of whom no transaction is kept.
        """
        if "to" not in self._firsts:
            return ""
        try:
            if self.to.tag:
                return ""
        except MalformedSip:  # What is answered is exactly that; the sender gets back what it wrote.
            return ""
        known = "\0".join((self._firsts.get("call-id", ""), self._firsts.get("from", ""), self._firsts.get("via", "")))
        digest = blake2s(known.encode("utf-8", "surrogateescape"), key=_TAGS, digest_size=8)
        return f";tag={digest.hexdigest()}"

    def __bytes__(self) -> bytes:
        start = f"{self.method} {self.uri} {VERSION}"
        if start.count(" ") != 2:
            raise ValueError("a blank in a method or Request-URI")
        return self._printed(start)

    def __repr__(self) -> str:
        return f"<{self.method} {self.first('CSeq')}>"


class Response(SipMessage):
    """RFC 3261 section 7.2."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str | None = None, headers: Iterable[tuple[str, Value]] = (), body: bytes = b""
    ) -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = REASONS.get(status, "") if reason is None else reason

    @property
    def branch(self) -> str:
        """The branch of the top Via, by which the request is found that this answers; "" when it has none.

        Where it is the only Via nobody needs more of it, and the rest is not read.  Raises MalformedSip.
        """
        top = self._firsts.get("via", "")
        found = BRANCH.search(top) if '"' not in top and len(self.all("Via")) == 1 else None
        return found[1] if found else self.via[0].branch if self.via else ""

    def __bytes__(self) -> bytes:
        return self._printed(f"{VERSION} {self.status:03} {self.reason}")

    def __repr__(self) -> str:
        return f"<{self.status} {self.first('CSeq')}>"


def parse(data: bytes) -> Request | Response:
    """A whole message, as a datagram has it: bytes behind the length that Content-Length gives are ignored.

    Raises MalformedSip.
    """
    head, _, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    message, length = parse_head(head)
    if length is not None and length > len(body):
        raise MalformedSip("Content-Length is greater than the body", message if isinstance(message, Request) else None)
    message.body = body if length is None else body[:length]
    return message


def parse_head(head: bytes) -> tuple[Request | Response, int | None]:
    """Start line and headers, without the empty line; and what Content-Length says.

    A fault is raised only when all is read, so that it can be answered.
    """
    lines, fault = _lines(head)
    message, bad_start, status = _started(lines[0])
    fault = bad_start or fault
    lengths: list[str] = []
    fields: list[tuple[str, str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(": ")
        key = KEYS.get(name)
        if key is None:
            name, colon, value = line.partition(":")
            key = key_of(name := name.rstrip(" "))
            if not colon or not made_of(name, TOKEN):
                fault = fault or "a line that is no header"
                continue
        if key == "content-length":
            lengths.append(value.strip(" "))
        else:
            fields.append((key, name, value.strip(" ")))
    message._fill(fields)
    if len(lines) > MAX_HEADERS or (len(head) > MAX_LINE and max(map(len, lines)) > MAX_LINE):
        fault, status = fault or "too many headers, or too long ones", 513
    length: int | None = None
    try:
        length = number(lengths[0], MAX_LENGTH, "Content-Length") if lengths else None
    except MalformedSip as malformed:
        fault = fault or malformed.reason
    if len(lengths) > 1:
        fault, length = fault or "more than one Content-Length", None
    if fault:
        raise MalformedSip(fault, message if isinstance(message, Request) else None, status, length)
    return message, length


def _lines(head: bytes) -> tuple[list[str], str]:
    """The head's lines, folded ones joined, and what is wrong with its characters."""
    text = head.decode("utf-8", "surrogateescape")
    fault = ""
    if len(head) - len(head.translate(None, CONTROLS)) != 2 * head.count(b"\r\n"):
        text, fault = _cleaned(text)
    if "\r\n " in text:
        text = text.replace("\r\n ", " ")
    return text.split("\r\n"), fault


def _cleaned(text: str) -> tuple[str, str]:
    """Without control characters.  An escaped one is legal in a quoted-string (RFC 4475 section 3.1.1.2): U+FFFD."""
    text = text.replace("\t", " ")
    for character in _PRINTABLE:
        text = text.replace("\\" + character, "\ufffd") if character in text else text
    lines = text.split("\r\n")
    clean = [line.translate(_CLEANING) for line in lines]
    return "\r\n".join(clean), "" if clean == lines else "a control character in a header"


def _started(line: str) -> tuple[Request | Response, str, int]:
    """The start line as an empty message; what is wrong with it, and the status to say so with."""
    words = line.split(" ")
    if words[-1] == VERSION and words[0] in METHODS and len(words) == 3 and words[1]:  # as nearly all of them are
        return Request(words[0], words[1]), "", 400
    if line[:4].upper() == "SIP/":
        version, _, rest = line.partition(" ")
        status, _, reason = rest.partition(" ")
        if version.upper() != VERSION or len(status) != 3 or not made_of(status, digits) or status[0] not in "123456":
            raise MalformedSip("not the first line of a response")
        return Response(int(status), reason), "", 400
    method, version = words[0], line.rstrip(" ").rpartition(" ")[2].upper()
    if not made_of(method, TOKEN) or not version.startswith("SIP/"):
        raise MalformedSip("not the first line of a request")
    request = Request(method, words[1])
    if len(words) != 3 or not words[1]:
        return request, "blanks where the first line has none", 400
    if version != VERSION:
        return request, "a version other than SIP/2.0", 505
    return request, "", 400
