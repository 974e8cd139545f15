"""The hash of a client's features, by the examples of XEP-0115 section 5."""

from __future__ import annotations

import pytest

from ....bridges.xmpp import capabilities
from ....bridges.xmpp.capabilities import Caps
from ....bridges.xmpp.syntax.stanza import Stanza

INFO = "http://jabber.org/protocol/disco#info"
FOUR = "".join(
    f"<feature var='http://jabber.org/protocol/{name}'/>" for name in ("muc", "disco#items", "disco#info", "caps")
)
PSI = (
    "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
    "<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>" + FOUR + "<x xmlns='jabber:x:data' "
    "type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>"
    "<field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field>"
    "<field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>"
    "<field var='software'><value>Psi</value></field><field var='software_version'><value>0.11</value></field></x>"
)
EXODUS = "<identity category='client' name='Exodus 0.9.1' type='pc'/>" + FOUR


def query(inner):
    return Stanza.read(f"<query xmlns='{INFO}'>{inner}</query>".encode()).tree


@pytest.mark.parametrize(
    "inner, ver", [(EXODUS, "QgayPKawpkPSDYmwT/WM94uAlu0="), (PSI, "q07IKJEyjvHSyhy//CH0CxmKi8w=")]
)
def test_the_examples(inner, ver):
    assert capabilities.verification(query(inner), "sha-1") == ver
    assert capabilities.verified(Caps("n", ver, "sha-1"), query(inner))
    assert not capabilities.verified(Caps("n", ver, "sha-256"), query(inner))
    assert not capabilities.verified(Caps("n", ver, ""), query(inner))


@pytest.mark.parametrize(
    "inner",
    [
        EXODUS + "<feature var='http://jabber.org/protocol/muc'/>",
        EXODUS + "<identity category='client' name='Exodus 0.9.1' type='pc'/>",
        PSI + PSI[PSI.index("<x ") :],
    ],
)
def test_what_is_said_twice_has_no_hash(inner):
    assert capabilities.verification(query(inner), "sha-1") is None


def test_a_form_without_a_hidden_type_does_not_count():
    form = "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>urn:x</value></field></x>"
    same = capabilities.verification(query(EXODUS), "sha-1")
    assert capabilities.verification(query(EXODUS + form), "sha-1") == same
    assert capabilities.verification(query(EXODUS + "<x xmlns='jabber:x:data'/>"), "sha-1") == same


def test_what_a_presence_says():
    def caps(attrs):
        return capabilities.of(
            Stanza.read(f"<presence><c xmlns='http://jabber.org/protocol/caps' {attrs}/></presence>".encode())
        )

    assert caps("node='urn:n' ver='v' hash='sha-1'") == Caps("urn:n", "v", "sha-1")
    assert caps("node='urn:n' ver='1.0'") == Caps("urn:n", "1.0", "")
    assert caps("node='urn:n'") is None and caps("ver='v'") is None
    assert caps(f"node='{'n' * 2000}' ver='v' hash='sha-1'") is None
    assert capabilities.of(Stanza.read(b"<presence/>")) is None
    assert Caps("urn:n", "v", "sha-1").query_node == "urn:n#v"
