"""SIP messages: lazy, changed in place, printed safely."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.syntax.grammar import TOKEN, MalformedSip
from .....plugins.sip.syntax.headers import STAR, CSeq, NameAddr, Via
from .....plugins.sip.syntax.message import Request, Response, parse
from .....plugins.sip.transport.limits import MAX_HEADERS, MAX_LINE
from ..wire import request


def message(**how) -> Request:
    read = parse(request(**how))
    assert isinstance(read, Request)
    return read


class TestHeaders:
    def test_first_and_all(self):
        m = message(more=["k: path", "Supported: gruu,  outbound", "Subject: a, b", "X-Own: 1", "x-own: 2"])
        assert m.first("supported") == "path"
        assert m.all("K") == ["path", "gruu", "outbound"]
        assert m.all("Subject") == ["a, b"]
        assert (m.first("x-OWN"), m.all("X-Own")) == ("1", ["1", "2"])
        assert m.first("Nothing") is None and m.all("Nothing") == []

    def test_an_empty_list_header_is_there_and_has_no_values(self):
        m = message(more=["Supported:", "Accept:"])
        assert m.first("Supported") is None and m.all("Supported") == []
        assert ("Supported", "") in m.headers()

    def test_what_all_returns_is_the_callers(self):
        m = message(more=["Supported: a"])
        m.all("Supported").append("b")
        assert m.all("Supported") == ["a"]

    def test_set_replaces_where_it_stands(self):
        m = message(more=["Subject: one", "X: 1", "s: two"])
        m.set("Subject", "three")
        names = [name for name, _ in m.headers()]
        assert names.index("Subject") < names.index("X") and "s" not in names
        assert m.all("Subject") == ["three"]
        m.set("Expires", 60)
        assert (m.first("Expires"), m.expires, m.headers()[-1]) == ("60", 60, ("Expires", "60"))

    def test_add_drop(self):
        m = message()
        m.add("Route", "<sip:r2.example;lr>")
        m.add("Route", "<sip:r1.example;lr>", first=True)
        assert m.headers()[0] == ("Route", "<sip:r1.example;lr>")
        assert [route.uri.host for route in m.routes] == ["r1.example", "r2.example"]
        assert m.first("Route") == "<sip:r1.example;lr>"
        m.drop("route")
        m.drop("route")
        assert m.routes == [] and m.first("Route") is None

    def test_set_top_leaves_the_rest_of_the_list(self):
        m = message(more=["Via: SIP/2.0/UDP b.example, SIP/2.0/UDP c.example"])
        m.set_top("v", Via("TLS", "top.example"))
        assert [via.host for via in m.via] == ["top.example", "b.example", "c.example"]
        m.drop("Via")
        m.add("Via", "SIP/2.0/UDP x.example , SIP/2.0/UDP y.example")
        m.set_top("Via", "SIP/2.0/UDP z.example")
        assert m.all("Via") == ["SIP/2.0/UDP z.example", "SIP/2.0/UDP y.example"]
        assert parse(bytes(m)).all("Via") == m.all("Via")

    def test_typed_views_follow_every_change(self):
        m = message()
        assert m.cseq == CSeq(1, "MESSAGE") and m.expires is None and m.contacts == [] and m.content_type is None
        m.set("CSeq", CSeq(2, "INFO"))
        m.set("Expires", "7")
        m.add("Contact", "<sip:a@h.example>")
        assert m.cseq == (2, "INFO") and m.expires == 7 and len(m.contacts) == 1
        m.add("m", NameAddr.parse("<sip:b@h.example>"))
        assert [contact.uri.user for contact in m.contacts] == ["a", "b"]
        m.drop("Contact")
        m.add("Contact", "*")
        assert m.contacts is STAR

    def test_typed_views_say_what_is_missing_or_wrong(self):
        m = message(more=["Expires: soon", "Contact: <>"])
        m.drop("To")
        with pytest.raises(MalformedSip, match="no To"):
            _ = m.to
        with pytest.raises(MalformedSip):
            _ = m.expires
        with pytest.raises(MalformedSip):
            _ = m.contacts

    def test_repeated(self):
        assert message().repeated() == frozenset()
        assert message(more=["t: <sip:x@y.example>", "X-A: 1", "x-a: 2"]).repeated() == {"to", "x-a"}

    def test_max_forwards_beyond_255_counts_as_255(self):
        m = message()
        m.set("Max-Forwards", "300")
        assert m.max_forwards == 255


class TestPrinting:
    def test_as_it_was_written(self):
        data = request(more=["sUbJeCt: x", "X-Y: z"], body=b"hello")
        assert bytes(parse(data)) == data

    def test_the_length_is_counted(self):
        m = message(body=b"hello")
        m.body = b"hello, world"
        assert bytes(m).endswith(b"Content-Length: 12\r\n\r\nhello, world")
        with pytest.raises(ValueError, match="counted"):
            m.set("l", "3")

    def test_compact(self):
        m = message(more=["Subject: x", "Server: y"])
        m.compact = True
        assert b"\r\ns:x\r\nServer:y\r\nl:0\r\n\r\n" in bytes(m)
        assert parse(bytes(m)).first("Subject") == "x"

    @pytest.mark.parametrize("bad", ["\r\n", "\n", "\r", "\0", "\x1b", "\x7f", "\t"])
    def test_a_control_character_never_leaves(self, bad):
        """The second wall against header injection."""
        for build in (
            lambda: Response(200, f"OK{bad}X: 1"),
            lambda: Response(200, "OK", [("Subject", f"a{bad}X: 1")]),
            lambda: Request("MESSAGE", f"sip:a@b{bad}X"),
            lambda: Request(f"MESSAGE{bad}X", "sip:a@b"),
        ):
            with pytest.raises(ValueError):
                bytes(build())

    @pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä", "a\0"])
    def test_a_name_that_is_none_never_enters(self, name):
        for write in (message().set, message().add):
            with pytest.raises(ValueError):
                write(name, "x")

    @pytest.mark.parametrize(("method", "target"), [("A B", "sip:a@b"), ("A", "sip:a@b SIP/2.0 x"), ("A", "sip:a b")])
    def test_no_blank_in_the_first_line(self, method, target):
        with pytest.raises(ValueError):
            bytes(Request(method, target))

    @given(
        st.lists(st.tuples(st.text(TOKEN, min_size=1, max_size=12), st.text(max_size=30)), max_size=8),
        st.binary(max_size=50),
    )
    def test_whatever_is_set_there_are_as_many_headers_as_were_set(self, headers, body):
        response = Response(200)
        count = 0
        for name, value in headers:
            if name.lower() not in ("content-length", "l"):
                response.add(name, value)
                count += 1
        response.body = body
        try:
            data = bytes(response)
        except ValueError:
            return
        head, _, rest = data.partition(b"\r\n\r\n")
        assert len(head.split(b"\r\n")) == 1 + count + 1
        assert rest == body
        read = parse(data)
        assert [value for _, value in read.headers()] == [value.strip(" ") for _, value in response.headers()]
        assert read.body == body

    def test_octets_that_are_no_utf_8_pass_through(self):
        data = request(more=["Subject: \udcff\udcfe".encode("utf-8", "surrogateescape").decode("latin-1")])
        data = data.replace("ÿþ".encode(), b"\xff\xfe")
        assert bytes(parse(data)) == data

    def test_short_names_for_the_log(self):
        assert repr(message()) == "<MESSAGE 1 MESSAGE>"
        assert repr(message().reply(200)) == "<200 1 MESSAGE>"


class TestReading:
    @given(st.binary(max_size=300))
    def test_garbage_is_malformed_and_nothing_else(self, data):
        for attempt in (data, b"SIP/2.0 200 OK\r\n" + data, b"A sip:b SIP/2.0\r\n" + data + b"\r\n\r\n"):
            try:
                parse(attempt)
            except MalformedSip:
                pass

    @given(st.data())
    def test_a_good_message_with_some_octets_changed(self, data):
        wire = bytearray(request(more=['Contact: "A" <sip:a@h.example;x=y>;q=1', "Accept: a/b;c=d, e/f"], body=b"x"))
        for _ in range(data.draw(st.integers(1, 5))):
            wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
        try:
            read = parse(bytes(wire))
            again = parse(bytes(read))
        except MalformedSip:
            return
        assert (again.headers(), again.body) == (read.headers(), read.body)

    def test_blank_lines_in_front(self):
        assert parse(b"\r\n\r\n" + request()).call_id == "c1"

    def test_a_fault_waits_until_what_can_be_answered_is_read(self):
        with pytest.raises(MalformedSip) as caught:
            parse(request(more=["no header"]).replace(b"SIP/2.0\r\n", b"SIP/9.0\r\n", 1))
        assert (caught.value.status, caught.value.request.call_id) == (505, "c1")
        assert caught.value.length == 0

    def test_too_many_headers(self):
        with pytest.raises(MalformedSip) as caught:
            parse(request(more=["X: y"] * MAX_HEADERS))
        assert caught.value.status == 513 and caught.value.request.call_id == "c1"
        assert parse(request(more=["X: y"] * (MAX_HEADERS - 8))).call_id == "c1"

    def test_too_long_a_header(self):
        for more in (["X: " + "y" * MAX_LINE], ["X: y", *[" y" * 100] * (MAX_LINE // 200 + 1)]):
            with pytest.raises(MalformedSip) as caught:
                parse(request(more=more))
            assert caught.value.status == 513
        assert parse(request(more=["X: " + "y" * (MAX_LINE - 3)])).first("X")


class TestReply:
    def test_what_is_copied(self):
        """RFC 3261 section 8.2.6.2."""
        m = message(more=["Via: SIP/2.0/UDP z.example", "Timestamp: 5", "Subject: no"])
        r = m.reply(486, headers=[("Retry-After", 60)], body=b"x", content_type="text/plain")
        assert (r.status, r.reason) == (486, "Busy Here")
        assert (r.all("Via"), r.call_id, r.cseq, r.from_) == (m.all("Via"), m.call_id, m.cseq, m.from_)
        assert r.to.uri == m.to.uri and r.to.tag
        assert [name for name, _ in r.headers()][-2:] == ["Retry-After", "Content-Type"]
        assert r.first("Timestamp") is None and r.first("Subject") is None
        assert parse(bytes(r)).body == b"x"

    def test_a_100_has_the_timestamp_and_no_tag(self):
        r = message(more=["Timestamp: 5"]).reply(100)
        assert r.first("Timestamp") == "5" and r.to.tag == ""

    def test_the_tag_is_the_same_for_a_repeated_request_and_another_for_another(self):
        """RFC 3261 section 8.2.7: also when nothing was kept of the first."""
        assert message().reply(401).to.tag == message().reply(200).to.tag
        others = [message(branch="z9hG4bK2"), message(call="c2"), message(tag="f2")]
        assert len({m.reply(200).to.tag for m in [message(), *others]}) == 4

    def test_a_tag_that_is_there_stays(self):
        assert message(to="<sip:bo@b.example>;tag=mine").reply(200).first("To") == "<sip:bo@b.example>;tag=mine"

    def test_a_to_that_cannot_be_read_is_returned_as_it_came(self):
        assert message(to='"Bo <sip:bo@b.example>').reply(400).first("To") == '"Bo <sip:bo@b.example>'

    def test_a_parameter_in_the_uri_is_no_tag(self):
        assert message(to="<sip:bo@b.example;tag=no>").reply(200).to.tag

    def test_own_and_unknown_reasons(self):
        assert message().reply(200, "Fine").reason == "Fine"
        assert message().reply(299).reason == ""


class TestCameFrom:
    """RFC 3261 section 18.2.1 and RFC 3581 section 4."""

    def test_rport_is_filled_in(self):
        m = message(via="SIP/2.0/UDP 10.0.0.1:5060;rport")
        m.came_from("192.0.2.9", 4711)
        assert m.first("Via") == "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;received=192.0.2.9;rport=4711"

    def test_rport_brings_received_even_when_the_address_is_right(self):
        m = message(via="SIP/2.0/UDP 192.0.2.9:5060;rport")
        m.came_from("192.0.2.9", 5060)
        assert m.via[0].params["received"] == "192.0.2.9"

    def test_without_rport_only_another_address_is_noted(self):
        m = message(via="SIP/2.0/UDP a.example")
        m.came_from("192.0.2.9", 1)
        assert m.via[0].params["received"] == "192.0.2.9" and "rport" not in m.via[0].params
        m = message(via="SIP/2.0/UDP [2001:DB8::1]")
        m.came_from("2001:db8::1", 1)
        assert "received" not in m.via[0].params

    def test_what_the_peer_claims_is_overwritten(self):
        m = message(via="SIP/2.0/UDP a.example;rport=1;received=203.0.113.1")
        m.came_from("192.0.2.9", 2)
        assert m.via[0].params["received"] == "192.0.2.9" and m.via[0].params["rport"] == "2"
