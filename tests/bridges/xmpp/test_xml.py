"""What we write: any text survives, any element is well formed, no prefix appears."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ....bridges.xmpp.stream.stream_error import CONDITIONS, stream_error
from ....bridges.xmpp.syntax import xml
from ....bridges.xmpp.syntax.stanza import Stanza

REQUEST = Stanza.read(b"<iq type='get' id='a&amp;1' to='bob@x.test' from='alice@x.test/desk'><q xmlns='u:q'/></iq>")
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def legal(value: str) -> str:
    """What XML can carry of a text: the rest becomes U+FFFD."""
    return "".join(
        c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else "\ufffd"
        for c in value
    )


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_survives_in_elements_and_attributes(inner, value):
    written = xml.element("a", {"b": value}, xml.text(inner))
    for reader in (etree.fromstring, ElementTree.fromstring):
        tree = reader(written)
        assert tree.get("b") == legal(value)
        assert (tree.text or "") == legal(inner)
        assert len(tree) == 0 and len(tree.attrib) == 1


def test_elements():
    assert xml.element("a") == b"<a/>"
    assert xml.element("a", {"b": None, "c": "<'>"}) == b"<a c='&lt;&apos;&gt;'/>"
    assert xml.element("a", {"b": "1"}, b"<c/>") == b"<a b='1'><c/></a>"
    assert xml.element("a", inner="\u00e9") == "<a>\u00e9</a>".encode()


def test_an_error_goes_back_where_the_stanza_came_from():
    assert xml.stanza_error(REQUEST, "cancel", "item-not-found", "no <such>", inner=b"<gone xmlns='u:x'/>") == (
        b"<iq id='a&amp;1' from='bob@x.test' to='alice@x.test/desk' type='error'><error type='cancel'>"
        b"<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        b"<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>no &lt;such&gt;</text>"
        b"<gone xmlns='u:x'/></error></iq>"
    )


def test_a_result_goes_back_where_the_request_came_from():
    assert xml.iq_result(REQUEST, b"<q xmlns='u:q'/>") == (
        b"<iq type='result' id='a&amp;1' from='bob@x.test' to='alice@x.test/desk'><q xmlns='u:q'/></iq>"
    )


def test_trees_are_written_without_prefixes():
    tree = ElementTree.fromstring(
        "<m xmlns='jabber:client' xmlns:p='u:p' xml:lang='en' p:x='1'><p:a>t<b/>u</p:a>v<c xmlns=''/>&lt;</m>"
    )
    assert xml.serialise(tree) == (
        b"<m xml:lang='en' xmlns:a1='u:p' a1:x='1'>"
        b"<a xmlns='u:p'>t<b xmlns='jabber:client'/>u</a>v<c xmlns=''/>&lt;</m>"
    )
    assert xml.serialise(tree, "u:other").startswith(b"<m xmlns='jabber:client' ")


NAMESPACES = st.sampled_from(["jabber:client", "u:a", "u:b", ""])
TREES = st.recursive(
    st.tuples(NAMESPACES, st.just([])), lambda kids: st.tuples(NAMESPACES, st.lists(kids, max_size=3)), max_leaves=12
)


@given(TREES, st.text("ab<&>'\"\r\n\t", max_size=5))
def test_a_tree_written_and_read_is_the_same_tree(shape, words):
    def grow(shape):
        element = ElementTree.Element(f"{{{shape[0]}}}n" if shape[0] else "n", {"x": words, "{u:z}y": words})
        element.text = element.tail = words or None
        element.extend(grow(kid) for kid in shape[1])
        return element

    tree = grow(shape)
    tree.tail = None
    again = Stanza.read(xml.serialise(tree)).tree
    assert ElementTree.canonicalize(ElementTree.tostring(again)) == ElementTree.canonicalize(ElementTree.tostring(tree))


@pytest.mark.parametrize("tag, parts", [("{u:x}a", ("u:x", "a")), ("a", ("", "a")), ("{}a", ("", "a"))])
def test_split(tag, parts):
    assert xml.split(tag) == parts


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_stream_errors_say_why(condition):
    written = stream_error(condition, "why <not>")
    tree = etree.fromstring(b"<s xmlns:stream='http://etherx.jabber.org/streams'>" + written + b"</s>")
    assert [kid.tag for kid in tree[0]] == [f"{{{xml.STREAM_ERRORS}}}{condition}", f"{{{xml.STREAM_ERRORS}}}text"]
    assert tree[0][1].text == "why <not>"


# ---- stanzas of our own making


@pytest.mark.parametrize(
    "raw, inner",
    [
        (b"<a/>", b""),
        (b"<a></a>", b""),
        (b"<a b='>'/>", b""),
        (b"<a b='/>'>x</a>", b"x"),
        (b"<a b=\"'>\" c='\"'><b/></a >", b"<b/>"),
        (b"<a\n>\n<a></a>\n</a\n>", b"\n<a></a>\n"),
    ],
)
def test_the_inside_of_a_stanza(raw, inner):
    assert Stanza.read(raw).inner == inner


def test_a_stanza_of_a_tree():
    stanza = Stanza.of(ElementTree.fromstring("<p:iq xmlns:p='jabber:client' xml:lang='en' type='set'><x/></p:iq>"))
    assert (stanza.name, stanza.ns, stanza.attrs) == ("iq", xml.CLIENT, {"xml:lang": "en", "type": "set"})
    assert stanza.raw == b"<iq xml:lang='en' type='set'><x xmlns=''/></iq>"
