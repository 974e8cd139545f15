"""What is said before anybody has signed in: read without harm, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.stream import deeds, registering, wishes
from ....bridges.xmpp.stream.negotiation import Offer
from ....bridges.xmpp.stream.sign_in import TOKENS
from ....bridges.xmpp.stream.states import State
from ....bridges.xmpp.stream.wishes import MAX_SOFTWARE, MAX_TAG, Binding, Wishes
from ....bridges.xmpp.syntax import jid, xml
from ....bridges.xmpp.syntax.stanza import Stanza
from ...people import ALICE
from .quick_client import FAST, HT, PHONE, SASL2, WANTS_TOKEN, agent, authenticate, bind, plain, response, shown
from .scram_client import ScramClient
from .test_stream import HEADER, PARTS, Carrier

RESUME = "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>"
OFFER = Offer(
    ours=lambda domain: domain == "example.test", domain="example.test", tokens=TOKENS, registration=True
)  # fmt: skip


def read(inner: str) -> Wishes:
    return wishes.read(Stanza.read(authenticate("PLAIN", None, inner).encode()).tree)


def test_who_wishes_for_nothing_gets_nothing():
    assert read("") == Wishes()


def test_all_wishes_at_once():
    inner = "<enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3'/><inactive xmlns='urn:xmpp:csi:0'/>"
    wished = read(agent() + bind(inner) + RESUME + WANTS_TOKEN + FAST)
    assert (wished.client, wished.software, wished.resume) == (PHONE, "Test & Co", ("x", "0"))
    assert (wished.token, wished.shows_token, wished.returns_token) == (HT, True, False)
    assert wished.bind is not None and wished.bind.carbons
    assert wished.bind.manage is not None and wished.bind.manage.name == "enable"
    assert wished.bind.state is not None and wished.bind.state.name == "inactive"


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("false", False), ("yes", False)])
def test_a_token_is_given_back_in_so_many_words(value, expected):
    assert read(f"<fast xmlns='urn:xmpp:fast:0' invalidate='{value}'/>").returns_token is expected


@pytest.mark.parametrize("id", ["", "x", PHONE[:-1], PHONE.replace("-", ""), "{" + PHONE + "}", "a/../b" * 6])
def test_what_is_no_uuid_names_no_installation(id):
    assert read(agent(id)).client == ""


def test_a_uuid_is_one_however_it_is_written():
    assert read(agent(PHONE.upper())).client == PHONE


def test_a_long_name_is_cut_and_one_that_cannot_be_shown_is_none():
    assert read(agent(software="x" * 1000)).software == "x" * MAX_SOFTWARE
    assert read(agent(software="a\nb")).software == ""


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=80), st.text("ab", min_size=1, max_size=12))
def test_whatever_the_tag_the_resource_is_one(tag, alias):
    wished = read(bind(tag=xml.text(tag)))
    assert wished.bind is not None and len(wished.bind.tag) <= MAX_TAG
    resource = wished.bind.resource(alias)
    assert jid.parse(f"alice@example.test/{resource}").resource == resource and resource.endswith(alias)
    assert Binding().resource(alias) == alias


NAMES = st.sampled_from(
    [
        *(wishes.AGENT, wishes.SOFTWARE, wishes.RESUME, wishes.ENABLE, wishes.BIND, wishes.TAG, wishes.CARBONS),
        *(*wishes.STATES, wishes.REQUEST_TOKEN, wishes.FAST, registering.USERNAME, registering.PASSWORD),
        *(registering.REMOVE, "{urn:x}y"),
    ]
)
TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cn")), max_size=40)


def built(name: str, attrs: dict[str, str], text: str, kids: list[bytes]) -> bytes:
    namespace, local = xml.split(name)
    return xml.element(local, {"xmlns": namespace, **attrs}, xml.text(text).encode() + b"".join(kids))


ATTRIBUTES = st.dictionaries(
    st.sampled_from(["id", "previd", "h", "mechanism", "invalidate", "count", "resume", "max"]), TEXTS, max_size=3
)
TREES = st.recursive(
    st.builds(built, NAMES, ATTRIBUTES, TEXTS, st.just([])),
    lambda kids: st.builds(built, NAMES, ATTRIBUTES, TEXTS, st.lists(kids, max_size=3)),
    max_leaves=8,
)


@given(st.lists(TREES, max_size=5))
def test_any_element_is_read_without_harm(trees):
    wished = read(b"".join(trees).decode())
    assert wished.client == "" or len(wished.client) == 36
    query = xml.element("query", {"xmlns": xml.REGISTER}, b"".join(trees))
    asked = registering.taken(Stanza.read(b"<iq type='set' id='r'>" + query + b"</iq>"), "example.test")
    if isinstance(asked, deeds.Register):
        assert asked.username and asked.password
    else:
        assert b"type='error'" in asked


# ---- the whole stream


MORE = st.sampled_from(
    [
        part.encode()
        for part in (
            authenticate("PLAIN", plain(ALICE, "secret")),
            authenticate("PLAIN", plain(ALICE, "secret"), agent() + bind() + WANTS_TOKEN),
            authenticate("PLAIN", plain(ALICE, "secret"), RESUME + bind()),
            authenticate("SCRAM-SHA-1", ScramClient().first(), bind()),
            authenticate(HT, shown(ALICE, "token"), agent() + FAST),
            response(b"biws"),
            f"<abort xmlns='{SASL2}'/>",
            f"<next xmlns='{SASL2}' task='x'/>",
            "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>",
            "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>a</username><password>b</password>"
            "</query></iq>",
        )
    ]
)


class Porter(Carrier):
    """Lets people in as well."""

    def do(self, deed: deeds.Deed) -> None:
        match deed:
            case deeds.Enter(who, wished):
                address = jid.parse(f"{who}/desk") if wished.bind is not None else None
                self.stream.entered([], self.now, address)
            case deeds.Register():
                self.stream.answered(registering.done(deed), self.now)
            case deeds.Ask(question) if question.__class__.__name__ == "TokenWanted":
                self.stream.answer((), self.now)
            case _:
                super().do(deed)


@given(st.lists(MORE | PARTS | st.binary(max_size=10), max_size=12), st.booleans())
def test_whatever_is_said_nobody_is_let_in_who_has_not_signed_in(parts, secure):
    porter = Porter(secure=secure, offer=OFFER)
    for part in parts:
        written = porter.say(part)
        porter.now += 1
        assert written.count("<stream:stream ") <= 1
        if "<success" in written:
            assert porter.stream.identity == ALICE
        for stanza in porter.stanzas:
            assert porter.stream.identity == ALICE
            assert stanza.ns != xml.CLIENT or stanza.attrs["from"] == "alice@example.test/desk"
    if porter.stream.state is State.ENDED:
        assert porter.reason and porter.say(b"<presence/>") == ""
    else:
        assert porter.stream.due is not None


def test_the_way_it_goes_without_a_network():
    porter = Porter(secure=True, offer=OFFER)
    porter.say(HEADER)
    written = porter.say(authenticate("PLAIN", plain(ALICE, "secret"), bind()).encode())
    assert "<authorization-identifier>alice@example.test/desk</authorization-identifier>" in written
    assert porter.stream.state is State.BOUND
