"""Good and bad messages, one file each: what they must be taken for, whole and byte by byte."""

from __future__ import annotations

import json

import pytest

from .....plugins.sip.syntax.checks import check
from .....plugins.sip.syntax.framing import Broken, SipStream
from .....plugins.sip.syntax.grammar import MalformedSip, Params
from .....plugins.sip.syntax.headers import STAR, Term
from .....plugins.sip.syntax.message import Request, Response, parse
from ..wire import SHARED, VECTORS, read, vectors

TORTURE = SHARED / "torture"
CAPTURES = SHARED / "captures" / "sip"


def verdict_on(data: bytes) -> str:
    """accept, drop, or the status of the answer."""
    try:
        message = parse(data)
        check(message)
    except MalformedSip as malformed:
        request = malformed.request or (message if "message" in locals() else None)
        return str(malformed.status) if isinstance(request, Request) else "drop"
    return "accept"


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector.name)
def test_verdicts(vector):
    assert verdict_on(vector.data) == vector.verdict


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector.name)
def test_what_can_be_answered_is_answered_safely(vector):
    """Whatever was in the request, the answer has the headers it should have and no others."""
    try:
        message = parse(vector.data)
    except MalformedSip as malformed:
        message = malformed.request
    if isinstance(message, Request):
        answer = parse(bytes(message.reply(400, "Bad Request: why")))
        assert isinstance(answer, Response)
        assert {name.lower() for name, _ in answer.headers()} <= {"via", "v", "from", "f", "to", "call-id", "i", "cseq"}
        assert "X-Smuggled" not in bytes(answer).decode(errors="replace").replace("\ufffdX-Smuggled", "")


@pytest.mark.parametrize("vector", [v for v in vectors() if v.verdict == "accept"], ids=lambda vector: vector.name)
def test_what_is_accepted_survives_printing(vector):
    message = parse(vector.data)
    again = parse(bytes(message))
    assert again.headers() == message.headers()
    assert (again.body, bytes(again)) == (message.body, bytes(message))


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector.name)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_streams_take_them_in_any_portions(vector, size):
    """A stream says the same of a message, however it is cut; and it never says anything but messages and faults."""
    data = vector.data
    stream, whole = SipStream(), SipStream()
    stream.signed_in = whole.signed_in = True
    whole.receive_data(data)
    expected, found = [], []
    while (framed := whole.next()) is not None:
        expected.append(framed)
    for at in range(0, len(data), size):
        stream.receive_data(data[at : at + size])
        while (framed := stream.next()) is not None:
            found.append(framed)
    assert [_summary(framed) for framed in found] == [_summary(framed) for framed in expected]


def _summary(framed: object) -> object:
    return (framed.why.reason, framed.last) if isinstance(framed, Broken) else bytes(framed)


def test_fields_of_the_odd_spelling():
    message = parse(read(VECTORS / "folded_and_odd_spelling.txt").data)
    assert isinstance(message, Request)
    assert message.to.display == 'B\\o "the" ""'
    assert message.to.params["x"] == "y"
    assert message.from_.tag == "ff"
    assert message.max_forwards == 70
    assert message.call_id == "folded@client.a.example"
    assert message.cseq == (7, "MESSAGE")
    assert [(via.transport, via.host, via.port, via.branch) for via in message.via] == [
        ("TLS", "client.a.example", 5061, "z9hG4bKfolded"),
        ("UDP", "other.a.example", None, ""),
    ]
    assert message.first("Subject") == ""
    assert message.first("x-STRANGE") == ";;,,;;"
    assert message.content_type == Term("text/plain", Params({"charset": "utf-8"}))
    assert message.target.params["unheard-of"] == ""


def test_fields_of_the_others():
    escaped = parse(read(VECTORS / "escaped_user.txt").data)
    assert escaped.target.user == "sips:bo@evil.example" and escaped.target.host == "b.example"
    assert escaped.to.uri.user == "bo"
    nul = parse(read(VECTORS / "escaped_nul.txt").data)
    assert nul.contacts is not STAR and [c.uri.user for c in nul.contacts] == ["\0", "\0\0"]
    assert nul.contacts[0].uri != nul.contacts[1].uri
    tokens = parse(read(VECTORS / "token_alphabet.txt").data)
    assert tokens.method == "!Own-Method*_+`.%i'~9" and tokens.via[0].branch == "z9hG4bK-.!%*_+`'~"
    assert tokens.from_.params["p-.!%*_+`'~"] == "Ünïcode" and tokens.from_.display == "a~1 b'2+_"
    controls = parse(read(VECTORS / "escaped_controls.txt").data)
    assert controls.to.display == "bell \ufffd nul \ufffd del \ufffd"
    lists = parse(read(VECTORS / "list_headers.txt").data)
    assert lists.all("Supported") == ["path", "outbound", "gruu"]
    assert [route.uri.host for route in lists.routes] == ["r1.example", "r2.example", "r3.example"]
    assert parse(read(VECTORS / "more_behind_the_body.txt").data).body == b"hi"
    assert parse(read(VECTORS / "binary_body.txt").data).body == b"\0\xff\r\n\r\n\x80\x01"
    huge = parse(read(VECTORS / "huge_leases.txt").data)
    assert huge.expires == huge.contacts[0].expires == 2**32 - 1
    assert parse(read(VECTORS / "reason_in_words.txt").data).reason == "= 2**3 * 5**2 – двести"
    assert parse(read(VECTORS / "no_reason.txt").data).status == 200


# What the published torture tests say of our layer: everything but what the transaction user decides.
LEFT_TO_THE_USER = {"bext01", "invut", "regaut01", "sdp01", "unksm2", "zeromf"}


def _torture():
    if not (TORTURE / "index.json").exists():
        return []
    index = json.loads((TORTURE / "index.json").read_text())
    return [(name, entry) for rfc in ("rfc4475", "rfc5118") for name, entry in index[rfc].items()]


@pytest.mark.skipif(not TORTURE.exists(), reason="the torture messages are not here")
@pytest.mark.parametrize(("name", "entry"), _torture(), ids=lambda value: value if isinstance(value, str) else "")
def test_published_torture(name, entry):
    data = (TORTURE / entry["file"]).read_bytes()
    if entry.get("needs_final_crlf"):
        data = data.rstrip(b"\r\n") + b"\r\n\r\n"
    if entry.get("fix_content_length"):
        head, _, body = data.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length", b"l:"))]
        data = b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body
    verdict = verdict_on(data)
    if entry["verdict"] == "accept" or name in LEFT_TO_THE_USER:
        assert verdict == "accept"
    elif entry["verdict"] == "discard":
        # Which responses match a transaction is the transaction layer's to say.
        assert verdict == "drop" or name == "bcast"
    else:
        assert verdict.isdigit() and int(verdict) in entry["status"]


@pytest.mark.skipif(not CAPTURES.exists(), reason="the captures are not here")
def test_every_captured_message_of_every_client_is_accepted():
    """Linphone, baresip, twinkle, Pidgin, JsSIP, SIP.js, Kamailio: thousands of their messages."""
    count, refused = 0, {}
    for path in CAPTURES.glob("*.txt"):
        if path.name == "probe-kamailio.txt":  # our own bad input
            continue
        for part in path.read_bytes().replace(b"\r\n", b"\n").split(b"\n##### ")[1:]:
            data = part.partition(b"\n")[2].rstrip(b"\n")
            head, _, body = data.partition(b"\n\n")
            lines = [line for line in head.split(b"\n") if not line.lower().startswith((b"content-length", b"l:"))]
            if not lines[0].rstrip().endswith(b"SIP/2.0") and not lines[0].startswith(b"SIP/2.0"):
                continue
            wire = b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body
            count += 1
            verdict = verdict_on(wire)
            if verdict != "accept":
                refused.setdefault(verdict, []).append(lines[0])
    assert count > 1000
    assert not refused
