"""The framer: any cut gives the same stanzas, any garbage a stream error, any slice the tree it was cut from."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ....bridges.xmpp.stream.limits import (
    AFTER_SIGN_IN,
    BEFORE_SIGN_IN,
    MAX_HEADER,
    MAX_NAMESPACE,
    MAX_PREFIXES,
    PARSE_INTERVAL,
    PARSER_LIFE,
    Limits,
)
from ....bridges.xmpp.stream.stream_error import CONDITIONS
from ....bridges.xmpp.syntax import xml
from ....bridges.xmpp.syntax.framer import Framer
from ....bridges.xmpp.syntax.parser import Parser
from ....bridges.xmpp.syntax.stanza import Stanza

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    b"to='example.test' version='1.0' xml:lang='de'>"
)
END = b"</stream:stream>"
STANZAS = [
    b"<iq id='a&gt;b' x='q>r'/>",
    b"<presence/>",
    b"<presence></presence>",
    b"<presence a='/'></presence>",
    b"<message>/></message>",
    b"<message>a<b/>/></message>",
    b"<iq id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
    b'<message to="a@b"><body>x &amp; &lt; y &#10; \r\n</body><a b=">"/></message>',
    "<message><body>h\u00e9llo \U0001f600 \u20ac</body></message>".encode(),
    b"<message ><body> > </body></message >",
    b"<r xmlns='urn:xmpp:sm:3'/>",
    b"<message xml:lang='en'><body xml:lang='fr'>oui</body></message>",
    b"<message><x xmlns='u:1'><y xmlns='u:2'><message xmlns='jabber:client'/></y></x></message>",
]


def opened(limits: Limits = AFTER_SIGN_IN, header: bytes = HEADER) -> Framer:
    framer = Framer(limits)
    assert framer.receive(header, 0) == []
    assert framer.header is not None
    return framer


def all_of(framer: Framer, pieces: list[bytes], now: float = 1.0) -> list[Stanza]:
    """Every stanza of the pieces, which come far enough apart to be looked at one by one."""
    stanzas = []
    for piece in pieces:
        now += 1
        stanzas += framer.receive(piece, now)
    return stanzas


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def failure_of(data: bytes, limits: Limits = AFTER_SIGN_IN, header: bytes = HEADER) -> str:
    framer = opened(limits, header)
    framer.receive(data, 1)
    return framer.failure.condition if framer.failure else ""


# ---- whole streams


def test_the_header_is_told():
    framer = opened()
    assert framer.header is not None
    assert (framer.header.ns, framer.header.name) == (xml.STREAMS, "stream")
    assert framer.header.attrs == {"to": "example.test", "version": "1.0", "xml:lang": "de"}
    assert framer.header.namespaces == {"": xml.CLIENT, "stream": xml.STREAMS}


def test_what_routing_needs_is_known_without_a_tree():
    (stanza,) = opened().receive(
        b"<message to='A@B.test/c' type='chat' id='7' xml:lang='en'><body>hi</body><active xmlns='u:c'/></message>", 1
    )
    assert (stanza.ns, stanza.name, stanza.id, stanza.type) == (xml.CLIENT, "message", "7", "chat")
    assert stanza.to is not None and stanza.to.full == "a@b.test/c"
    assert stanza.attrs == {"to": "A@B.test/c", "type": "chat", "id": "7", "xml:lang": "en"}
    assert stanza.kids == ["{jabber:client}body", "{u:c}active"]
    assert stanza.inner == b"<body>hi</body><active xmlns='u:c'/>"
    assert stanza.child("{u:c}active") is not None and stanza.child("{u:c}gone") is None


@given(
    st.lists(st.sampled_from(STANZAS), max_size=8),
    st.lists(st.sampled_from([b"", b" ", b"\r\n", b"\t "]), min_size=8, max_size=8),
    st.lists(st.integers(min_value=0), max_size=30),
)
def test_portions_make_no_difference(stanzas, spaces, cuts):
    stream = HEADER + b"".join(a + b for a, b in zip(stanzas, spaces)) + END + b" junk < after"
    framer = Framer()
    assert [s.raw for s in all_of(framer, pieces_of(stream, cuts))] == stanzas
    assert framer.closed and framer.failure is None


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64])
def test_every_step_makes_no_difference(step):
    stream = HEADER + b"".join(STANZAS) + END
    framer = Framer()
    pieces = [stream[i : i + step] for i in range(0, len(stream), step)]
    assert [s.raw for s in all_of(framer, pieces)] == STANZAS
    assert framer.closed


def test_white_space_before_a_restarted_stream_is_a_late_keep_alive():
    framer = Framer()
    framer.receive(b"  \n", 0)
    framer.receive(b"\n" + HEADER, 1)
    assert framer.header is not None and framer.failure is None


def test_after_the_end_nothing_is_looked_at():
    framer = opened()
    assert len(framer.receive(b"<presence/>" + END + b"<presence/></nonsense>", 1)) == 1
    assert framer.receive(b"<presence/>", 2) == []
    assert framer.closed and framer.failure is None


def test_keep_alives_leave_nothing_behind():
    framer = opened()
    for _ in range(100_000):
        assert framer.receive(b" ", 1) == []
    assert framer.clean and framer.failure is None


# ---- slices, and when they are written again


@given(st.sampled_from(STANZAS))
def test_a_slice_alone_is_the_tree_it_was_cut_from(raw):
    (stanza,) = opened().receive(raw, 1)
    whole = etree.fromstring(HEADER + raw + END)[0]
    alone = etree.fromstring(b"<c xmlns='jabber:client'>" + stanza.raw + b"</c>")[0]
    assert canonical(alone) == canonical(whole) == canonical_of_ours(stanza)


def canonical(tree) -> str:
    """The same for two trees that mean the same, whatever their prefixes."""
    kids = "".join(canonical(kid) + (kid.tail or "") for kid in tree)
    return f"<{tree.tag} {sorted(tree.items())}>{tree.text or ''}{kids}</>"


def canonical_of_ours(stanza: Stanza) -> str:
    return canonical(stanza.tree)


NAMES = st.sampled_from(["a", "b:c", "stream:x", "message", "p:message", "body"])
TEXTS = st.sampled_from(
    [
        "",
        "x",
        "&amp;",
        "<![CDATA[<b>&]]>",
        "]]&gt;",
        "\u00e9",
        "\r\n",
        "&#x10FFFF;",
        "xmlns:p='u'",
        ">",
        "/>",
        "stream:x",
    ]
)
ATTRIBUTES = st.sampled_from(
    [
        "",
        " x='1'",
        " xmlns='u:1'",
        " xmlns=''",
        " xmlns='jabber:client'",
        " xmlns:p='u:2'",
        " xmlns:b='u:3' b:x='>'",
        " xml:lang='en'",
        " stream:y='2'",
        " xmlns:stream='u:4'",
        ' x="a&#10;b&#9;c&apos;"',
        " x='a\nb'",
    ]
)
ELEMENTS = st.recursive(
    st.tuples(NAMES, ATTRIBUTES, TEXTS).map(lambda t: f"<{t[0]}{t[1]}>{t[2]}</{t[0]}>"),
    lambda inner: st.tuples(NAMES, ATTRIBUTES, st.lists(inner, max_size=3), TEXTS).map(
        lambda t: f"<{t[0]}{t[1]}>{t[3]}{''.join(t[2])}{t[3]}</{t[0]}>"
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.lists(ELEMENTS, min_size=1, max_size=3), st.booleans())
def test_no_two_parsers_read_a_stanza_differently(elements, b_is_declared):
    """Stanza smuggling: what we took for one stanza, libxml2 takes for the same one, on its own and in the stream."""
    header = HEADER.replace(b" to=", b" xmlns:b='u:9' to=") if b_is_declared else HEADER
    stream = header + "".join(elements).encode() + END
    framer = Framer()
    stanzas = framer.receive(stream, 1)
    try:
        whole = list(etree.fromstring(stream))
    except etree.XMLSyntaxError:
        assert framer.failure is not None
        return
    assert framer.closed
    assert len(stanzas) == len(whole)
    for stanza, one in zip(stanzas, whole):
        alone = etree.fromstring(b"<c xmlns='jabber:client'>" + stanza.raw + b"</c>")
        assert len(alone) == 1 and not alone.text and not alone[0].tail
        assert canonical(alone[0]) == canonical(one) == canonical_of_ours(stanza)
        assert b"CDATA" not in stanza.raw and not stanza.raw.startswith(b"<stream:")
        put_elsewhere = etree.fromstring(b"<message xmlns='jabber:client'>" + stanza.inner + b"</message>")
        assert [canonical(k) for k in put_elsewhere] == [canonical(k) for k in one] or stanza.ns != xml.CLIENT


def test_prefixes_of_the_header_do_not_leave_the_stream():
    framer = opened(header=HEADER.replace(b" to=", b" xmlns:p='u:p' to="))
    (stanza,) = framer.receive(b"<message><p:x p:y='1'><body>a</body></p:x></message>", 1)
    assert stanza.raw == (
        b"<message><x xmlns='u:p' xmlns:a0='u:p' a0:y='1'><body xmlns='jabber:client'>a</body></x></message>"
    )
    assert stanza.kids == ["{u:p}x"]


def test_a_stanza_with_a_prefix_is_that_stanza():
    framer = opened(header=HEADER.replace(b" to=", b" xmlns:c='jabber:client' to="))
    (stanza,) = framer.receive(b"<c:message to='a@b' c:id='1'><c:body>x</c:body></c:message>", 1)
    assert (stanza.ns, stanza.name, stanza.attrs) == (xml.CLIENT, "message", {"to": "a@b"})
    assert stanza.inner == b"<body>x</body>"


def test_an_unprefixed_stream_with_namespaced_stanzas_is_the_same_stream():
    framer = opened(header=b"<stream xmlns='http://etherx.jabber.org/streams' version='1.0'>")
    (stanza,) = framer.receive(b"<message xmlns='jabber:client'><body>x</body></message>", 1)
    assert stanza.raw == b"<message><body>x</body></message>"


def test_cdata_is_text_and_written_as_text():
    (stanza,) = opened().receive(b"<message><body><![CDATA[<iq/> & ]]>x</body></message>", 1)
    assert stanza.raw == b"<message><body>&lt;iq/&gt; &amp; x</body></message>"


def test_a_foreign_stanza_within_a_stanza_is_payload():
    (stanza,) = opened().receive(b"<message><x xmlns='u:x'><message xmlns='jabber:client' to='c@d'/></x></message>", 1)
    assert stanza.kids == ["{u:x}x"] and "to" not in stanza.attrs


# ---- restricted XML and encodings


@pytest.mark.parametrize(
    "data, condition",
    [
        (b"<!-- hello -->", "restricted-xml"),
        (b"<message><!-- hello --></message>", "restricted-xml"),
        (b"<?php x?>", "restricted-xml"),
        (b"<message><?x y?></message>", "restricted-xml"),
        (b"<message>&undefined;</message>", "restricted-xml"),
        (b"<message x='&undefined;'/>", "restricted-xml"),
        (b"<message>&#7;</message>", "not-well-formed"),
        (b"<message>\x00</message>", "not-well-formed"),
        (b"<message>\xef\xbf\xbf</message>", "not-well-formed"),
        (b"<message a='1' a='2'/>", "not-well-formed"),
        (b"<message></iq>", "not-well-formed"),
        (b"<message a=1/>", "not-well-formed"),
        (b"<p:message/>", "bad-namespace-prefix"),
        (b"<message>\xc3\x28</message>", "unsupported-encoding"),
        (b"<message>\xed\xa0\x80</message>", "unsupported-encoding"),
        (b"<message>\xc0\xbc</message>", "unsupported-encoding"),
        (b"<message>\xff\xfe</message>", "unsupported-encoding"),
        (b"<message\xc3\x28/>", "unsupported-encoding"),
        (b"hello", "bad-format"),
        (b" &#32;<presence/>", "bad-format"),
        (b"<![CDATA[ ]]>", "bad-format"),
        (b"<presence/>x<presence/>", "bad-format"),
        (HEADER, "not-well-formed"),
        (HEADER[21:], "bad-format"),
    ],
)
def test_what_xmpp_does_not_allow_ends_the_stream(data, condition):
    assert failure_of(data) == condition
    framer = opened()
    for i in range(len(data)):
        framer.receive(data[i : i + 1], 1 + i)
    assert framer.failure is not None and framer.failure.condition == condition


@pytest.mark.parametrize(
    "header, condition",
    [
        (b"<!DOCTYPE x [<!ENTITY e 'smuggled'>]>" + HEADER[21:], "restricted-xml"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?>" + HEADER[21:], "unsupported-encoding"),
        (b"<?xml version='1.1'?>" + HEADER[21:], "not-well-formed"),
        (HEADER.decode().encode("utf-16"), "unsupported-encoding"),
        (b"GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "not-well-formed"),
        (b"<!-- x -->" + HEADER, "restricted-xml"),
        (b"<a" + b" " * MAX_HEADER, "policy-violation"),
        (b"<a>" + b" " * MAX_HEADER, ""),
        (b"<a x='" + b"y" * MAX_HEADER + b"'>", "policy-violation"),
        (b"<a " + b" ".join(b"xmlns:p%d='u'" % i for i in range(MAX_PREFIXES + 1)) + b">", "policy-violation"),
        (b"<a " + b" ".join(b"p%d='u'" % i for i in range(AFTER_SIGN_IN.attributes + 1)) + b">", "policy-violation"),
    ],
)
def test_a_header_that_is_none(header, condition):
    framer = Framer()
    framer.receive(header, 0)
    assert (framer.failure.condition if framer.failure else "") == condition


def test_the_declared_encoding_may_be_utf_8_in_any_case_and_may_have_a_byte_order_mark():
    for start in (b"<?xml version='1.0' encoding='utf-8'?>", b"\xef\xbb\xbf<?xml version=\"1.0\" encoding='UTF-8'?>"):
        framer = opened(header=start + HEADER[21:])
        assert [s.raw for s in framer.receive(b"<presence/>", 1)] == [b"<presence/>"]


def test_stanzas_before_the_trouble_are_still_told():
    for trouble in (b"<iq></x>", b"\xff", b"text", b"<!-- -->", b"<a>" * 70, b"<iq>\xc3\x28</iq>"):
        framer = opened()
        assert [s.raw for s in framer.receive(b"<presence/><iq/>" + trouble + b"<iq/>", 1)] == [
            b"<presence/>",
            b"<iq/>",
        ]
        assert framer.failure is not None
        assert framer.receive(b"<presence/>", 2) == []


@settings(max_examples=500)
@given(st.binary(max_size=200), st.booleans(), st.lists(st.integers(min_value=0), max_size=6))
def test_garbage_is_a_stream_error_and_nothing_worse(garbage, after_header, cuts):
    framer = opened() if after_header else Framer()
    all_of(framer, pieces_of(garbage, cuts))
    assert framer.failure is None or framer.failure.condition in CONDITIONS


FRAGMENTS = st.sampled_from(
    b"< > / </ /> <a x=' ' \" & ; <!-- <![CDATA[ ]]> <? ?> <!DOCTYPE xmlns : = stream: \xc3 \xa9 \x00 a "
    b"<message> </message>".split()
)


@settings(max_examples=500)
@given(st.lists(FRAGMENTS, max_size=30).map(b"".join), st.lists(st.integers(min_value=0), max_size=10))
def test_broken_xml_is_cut_the_same_way_however_it_arrives(broken, cuts):
    broken = broken.replace(b"a", b" a")
    at_once, in_pieces = opened(), opened()
    one = [s.raw for s in at_once.receive(broken, 1)]
    many = [s.raw for s in all_of(in_pieces, pieces_of(broken, cuts))]
    assert one == many
    assert bool(at_once.failure) == bool(in_pieces.failure)


# ---- limits


def test_a_stanza_may_be_as_long_as_the_limit_and_no_longer():
    limits = Limits(stanza=1000, depth=16, attributes=32)
    fits = b"<iq>" + b"x" * (1000 - 9) + b"</iq>"
    assert [len(s.raw) for s in opened(limits).receive(fits + fits, 1)] == [1000, 1000]
    assert failure_of(fits.replace(b"</", b"x</"), limits) == "policy-violation"


@pytest.mark.parametrize(
    "endless", [b"<iq>x", b"<iq a='xxx", b"<iq", b"<iq><a/>", b"<iq><a>", b"<x", b"<iq>\n", b"<!--"]
)
def test_what_never_ends_is_cut_off_at_the_limit(endless):
    framer = opened(BEFORE_SIGN_IN)
    framer.receive(endless, 1)
    sent = 0
    while framer.failure is None:
        assert sent <= BEFORE_SIGN_IN.stanza
        framer.receive(b"x" * 100, 2 + sent)
        sent += 100
    assert framer.failure.condition == "policy-violation"


def test_depth_attributes_prefixes_and_namespaces_have_limits():
    limits = Limits(stanza=65536, depth=16, attributes=32)
    assert failure_of(b"<a>" * 16 + b"</a>" * 16, limits) == ""
    assert failure_of(b"<a>" * 17, limits) == "policy-violation"
    assert failure_of(b"<a " + b" ".join(b"b%d='1'" % i for i in range(32)) + b"/>", limits) == ""
    assert failure_of(b"<a " + b" ".join(b"b%d='1'" % i for i in range(33)) + b"/>", limits) == "policy-violation"
    prefixed = b"".join(b"<x xmlns:p='u'/>" for _ in range(MAX_PREFIXES))
    assert failure_of(b"<a>" + prefixed + b"</a><a>" + prefixed + b"</a>", limits) == ""
    assert failure_of(b"<a xmlns:p='u'>" + prefixed + b"</a>", limits) == "policy-violation"
    assert failure_of(b"<a xmlns='" + b"u" * MAX_NAMESPACE + b"'/>", limits) == ""
    assert failure_of(b"<a xmlns='" + b"u" * (MAX_NAMESPACE + 1) + b"'/>", limits) == "policy-violation"


def test_a_stanza_may_not_grow_beyond_the_limit_when_it_is_written_again():
    long = b"<m xmlns:p='" + b"u" * 250 + b"'>" + b"<p:a/>" * 500 + b"</m>"
    assert failure_of(long, Limits(stanza=10_000, depth=16, attributes=32)) == "policy-violation"


# ---- work and memory


def test_an_unfinished_tag_is_looked_at_rarely():
    framer = opened()
    framer.receive(b"<iq a='" + b"x" * 1000, now := 1.0)
    assert framer.receive(b"y", now + 0.001) == []
    assert framer.due == now + PARSE_INTERVAL
    assert framer.receive(b"'/>", now + 0.002) == []
    (stanza,) = framer.receive(b"", framer.due)
    assert stanza.raw == b"<iq a='" + b"x" * 1000 + b"y'/>" and framer.due is None


def test_an_unfinished_tag_is_looked_at_when_as_much_came_again():
    framer = opened()
    framer.receive(b"<iq a='xx", 1.0)
    (stanza,) = framer.receive(b"yyyyyyyyyyyyyyyy'/>", 1.0)
    assert stanza.attrs == {"a": "xxyyyyyyyyyyyyyyyy"}


def test_a_quadratic_token_costs_linear_time(monkeypatch):
    framer = opened()
    looked_at = []
    feed = Parser.feed
    monkeypatch.setattr(Parser, "feed", lambda self, data: (looked_at.append(self.unfinished), feed(self, data))[1])
    framer.receive(b"<iq a='", 0)
    for i in range(60_000):  # in single bytes, a microsecond apart
        framer.receive(b"x", i * 1e-6)
    assert framer.failure is None
    assert len(looked_at) <= 2 + 60_000e-6 / PARSE_INTERVAL + 16  # once in an interval, and when it doubled
    assert sum(looked_at) < 10 * 60_000


def test_what_waits_counts_against_the_limit():
    framer = opened(BEFORE_SIGN_IN)
    framer.receive(b"<iq a='" + b"x" * 9000, 1)
    framer.receive(b"x" * 900, 1)
    assert framer.failure is None
    framer.receive(b"x" * 100, 1)
    assert framer.failure is not None and framer.failure.condition == "policy-violation"


def test_a_stream_at_rest_has_no_parser_and_wakes_with_the_same_prefixes():
    framer = opened(header=HEADER.replace(b" to=", b" xmlns:p='u:&lt;p&apos;' to="))
    for _ in range(3):
        framer.rest()
        assert framer._parser is None
        stanzas = framer.receive(b"<presence/> <iq><p:x/></iq>", 1)
        assert [s.kids for s in stanzas] == [[], ["{u:<p'}x"]]
    framer.receive(b"<iq", 2)
    framer.rest()
    assert framer._parser is not None, "something is half read"
    assert [s.raw for s in framer.receive(b"/>", 3)] == [b"<iq/>"]
    framer.rest()
    framer.receive(END, 4)
    assert framer.closed


def test_a_parser_is_replaced_before_it_knows_too_many_names():
    framer = opened()
    parsers = set()
    for i in range(PARSER_LIFE // 500):
        (stanza,) = framer.receive(b"<iq><n%d>%s</n%d></iq>" % (i, b"x" * 1000, i), i)
        assert stanza.kids == [f"{{jabber:client}}n{i}"]
        parsers.add(id(framer._parser))
    assert len(parsers) > 1 and framer.failure is None


def test_a_tree_is_built_once_and_only_when_asked():
    (stanza,) = opened().receive(b"<message><body>a</body></message>", 1)
    assert stanza._tree is None
    assert stanza.tree is stanza.tree
    assert ElementTree.tostring(stanza.tree[0]) == b'<ns0:body xmlns:ns0="jabber:client">a</ns0:body>'


def test_on_a_stream_that_many_share_what_is_too_much_is_refused_and_the_others_go_on() -> None:
    """A component's stream carries what many people wrote: one of them must not be able to end it for all."""
    framer = Framer(Limits(stanza=2000, depth=8, attributes=8, largest=20_000))
    framer.receive(HEADER, 0)
    deep = b"<message from='a@b'>" + b"<x>" * 20 + b"</x>" * 20 + b"</message>"
    long = b"<message from='c@d'><body>" + b"x" * 3000 + b"</body></message>"
    broad = b"<presence from='e@f'><x " + b" ".join(b"a%d=''" % n for n in range(20)) + b"/></presence>"
    good = [b"<message from='%d'/>" % n for n in range(4)]
    heard = framer.receive(good[0] + deep + good[1] + long + good[2] + broad + good[3], 1)
    assert [s.raw for s in heard] == good and framer.failure is None and framer.clean
    assert [(s.ns, s.name, s.attrs["from"]) for s, _ in framer.refused] == [
        ("jabber:client", "message", "a@b"),
        ("jabber:client", "message", "c@d"),
        ("jabber:client", "presence", "e@f"),
    ]
    assert [why for _, why in framer.refused] == [
        "deeper than 8 elements",
        "longer than 2000 bytes",
        "more than 8 attributes",
    ]
    framer.receive(b"<message>" + b"x" * 30_000, 2)
    assert framer.failure is not None and framer.failure.condition == "policy-violation"


def test_the_header_of_such_a_stream_is_nobody_elses() -> None:
    framer = Framer(Limits(stanza=2000, depth=8, attributes=3, largest=20_000))
    framer.receive(HEADER[:-1] + b" a='1' b='2' c='3' d='4'>", 0)
    assert framer.failure is not None and framer.failure.condition == "policy-violation"
