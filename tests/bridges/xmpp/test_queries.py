"""What can be asked by IQ, and that every question has an answer (RFC 6120 section 8.2.3)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ....bridges.xmpp.capabilities import Caps, verified
from ....bridges.xmpp.queries import Place, Queries, Query
from ....bridges.xmpp.router import ClientRouter
from ....bridges.xmpp.syntax.stanza import Stanza
from ....core.people import Person
from ...people import ALICE, BOB, NOON
from .house import Options, condition

INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
VCARD = "<vCard xmlns='vcard-temp'/>"
LAST = "<query xmlns='jabber:iq:last'/>"
SERVICE = "conference.example.test"

ASKED_BY_CLIENTS = [
    # What converse, dino, gajim, libpurple, mcabber, poezio, profanity and others ask for when they sign in.
    ("get", "example.test", INFO),
    ("get", "example.test", ITEMS),
    ("get", SERVICE, INFO),
    ("get", None, VCARD),
    ("get", "alice@example.test", INFO),
    ("get", "alice@example.test", VCARD),
    ("get", None, "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"),
    ("get", None, "<query xmlns='jabber:iq:private'><roster xmlns='roster:delimiter'/></query>"),
    ("set", None, "<query xmlns='jabber:iq:private'><roster xmlns='roster:delimiter'>::</roster></query>"),
    ("get", None, "<blocklist xmlns='urn:xmpp:blocking'/>"),
    ("set", None, "<enable xmlns='urn:xmpp:carbons:2'/>"),
    ("set", None, "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"),
    ("get", "alice@example.test", "<ping xmlns='urn:xmpp:ping'/>"),
    ("get", "example.test", "<ping xmlns='urn:xmpp:ping'/>"),
    ("get", None, "<ping xmlns='urn:xmpp:ping'/>"),
    ("get", "example.test", "<query xmlns='jabber:iq:version'/>"),
    ("get", "example.test", "<time xmlns='urn:xmpp:time'/>"),
    ("get", "example.test", LAST),
    ("get", "example.test", VCARD),
]


@pytest.mark.parametrize("type, to, payload", ASKED_BY_CLIENTS)
async def test_what_clients_ask_at_sign_in_has_a_result(house, type, to, payload):
    alice = await house.client(ALICE, presence="")
    answer = await alice.ask(payload, to=to, type=type)
    assert answer.get("type") == "result" and answer.get("from") == to and answer.get("to") == alice.jid


REFUSED = [
    ("get", "example.test", "<services xmlns='urn:xmpp:extdisco:2'/>", "service-unavailable"),
    (
        "get",
        "alice@example.test",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:omemo:2:devices'/></pubsub>",
        "item-not-found",
    ),
    (
        "set",
        None,
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='http://jabber.org/protocol/nick'/></pubsub>",
        "bad-request",
    ),
    ("get", None, "<pubsub xmlns='http://jabber.org/protocol/pubsub'/>", "bad-request"),
    (
        "get",
        None,
        "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='x'/></pubsub>",
        "item-not-found",
    ),
    ("get", "bob@example.test", "<ping xmlns='urn:xmpp:ping'/>", "service-unavailable"),
    ("get", "bob@example.test/desk", "<ping xmlns='urn:xmpp:ping'/>", "service-unavailable"),
    ("get", "eve@elsewhere.example", "<ping xmlns='urn:xmpp:ping'/>", "remote-server-not-found"),
    ("get", SERVICE, "<query xmlns='urn:unknown'/>", "service-unavailable"),
    ("set", f"room@{SERVICE}", "<query xmlns='urn:unknown'/>", "service-unavailable"),
    ("get", f"room@{SERVICE}/nick", "<query xmlns='urn:unknown'/>", "not-acceptable"),
    ("get", "@", "<ping xmlns='urn:xmpp:ping'/>", "jid-malformed"),
    ("get", "example.test", f"{INFO}{ITEMS}", "bad-request"),
    ("get", "example.test", "", "bad-request"),
    ("ask", "example.test", INFO, "bad-request"),
    ("get", "example.test", "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", "item-not-found"),
]


@pytest.mark.parametrize("type, to, payload, why", REFUSED)
async def test_what_is_not_there_is_refused(house, type, to, payload, why):
    alice = await house.client(ALICE)
    assert condition(await alice.ask(payload, to=to, type=type))[1] == why


async def test_answers_are_not_answered(house):
    alice = await house.client(ALICE)
    alice.got()
    for to in ("", " to='example.test'", " to='bob@example.test/desk'", f" to='room@{SERVICE}/nick'", " to='@'"):
        await alice.send(f"<iq type='result' id='r1'{to}/><iq type='error' id='r2'{to}/>")
    assert alice.got() == []


async def test_a_question_without_an_id_is_none(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send(f"<iq type='get' to='example.test'>{INFO}</iq>")
    assert condition(alice.got("iq")[0]) == ("modify", "bad-request")


async def test_questions_pass_from_client_to_client_and_back(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got(), alice.got()
    await alice.send(f"<iq type='get' id='v1' to='{bob.jid}'><query xmlns='jabber:iq:version'/></iq>")
    (question,) = bob.got("iq")
    assert question.get("from") == alice.jid and question.get("to") == bob.jid and question.get("id") == "v1"
    await bob.send(
        f"<iq type='result' id='v1' to='{alice.jid}'><query xmlns='jabber:iq:version'><name>x</name></query></iq>"
    )
    (answer,) = alice.got("iq")
    assert answer.get("from") == bob.jid and answer.findtext(".//{jabber:iq:version}name") == "x"
    await house.front_end.contacts.block(BOB, ALICE)
    bob.session.extra["resource"].blocked = frozenset({ALICE})
    assert condition(await alice.ask("<ping xmlns='urn:xmpp:ping'/>", to=bob.jid)) == ("cancel", "service-unavailable")


async def test_a_client_may_ask_itself(house):
    alice = await house.client(ALICE)
    await alice.send(f"<iq type='get' id='c1' to='{alice.jid}'>{INFO}</iq>")
    (question,) = alice.got("iq")
    assert question.get("from") == question.get("to") == alice.jid


async def test_a_part_that_fails_harms_nobody_else(house, monkeypatch, caplog):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    monkeypatch.setattr(house.front_end.contacts, "version", None)
    answer = await alice.ask("<query xmlns='jabber:iq:roster'/>")
    assert condition(answer) == ("wait", "internal-server-error")
    assert "could not be handled" in caplog.text
    assert (await bob.ask("<ping xmlns='urn:xmpp:ping'/>")).get("type") == "result"


async def test_unknown_elements_are_ignored(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send("<inactive xmlns='urn:xmpp:csi:0'/><what xmlns='u:known'/>")
    assert alice.got() == []


# ---- discovery


def features(answer):
    return {f.get("var") for f in answer.iter("{http://jabber.org/protocol/disco#info}feature")}


def identities(answer):
    return [(i.get("category"), i.get("type")) for i in answer.iter("{http://jabber.org/protocol/disco#info}identity")]


async def test_the_server_says_what_it_is_and_can_do(house):
    alice = await house.client(ALICE)
    server = await alice.ask(INFO, to="example.test")
    assert identities(server) == [("server", "im"), ("pubsub", "pep")]
    assert {
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "jabber:iq:last",
        "jabber:iq:private",
        "jabber:iq:version",
        "msgoffline",
        "urn:xmpp:blocking",
        "urn:xmpp:carbons:2",
        "urn:xmpp:ping",
        "urn:xmpp:sid:0",
        "urn:xmpp:time",
        "vcard-temp",
    } <= features(server)
    (item,) = (await alice.ask(ITEMS, to="example.test")).iter("{http://jabber.org/protocol/disco#items}item")
    assert item.get("jid") == SERVICE
    service = await alice.ask(INFO, to=SERVICE)
    assert identities(service) == [("conference", "text")] and "http://jabber.org/protocol/muc" in features(service)
    assert identities(await alice.ask(INFO)) == [("account", "registered"), ("pubsub", "pep")]


async def test_the_server_names_its_features_by_a_hash_that_is_right(house):
    alice = await house.client(ALICE)
    c = Stanza.read(house.router.capabilities()).tree
    caps = Caps(c.get("node"), c.get("ver"), c.get("hash"))
    info = "<query xmlns='http://jabber.org/protocol/disco#info' node='%s'/>"
    answer = await alice.ask(info % caps.query_node, to="example.test")
    assert answer[0].get("node") == caps.query_node and verified(caps, answer[0])
    assert features(answer) == features(await alice.ask(INFO, to="example.test"))
    assert condition(await alice.ask(info % f"{caps.node}#other", to="example.test"))[1] == "item-not-found"


async def test_every_feature_that_is_announced_is_answered_and_every_answer_is_unique():
    async def answer(resource, iq):
        return b""

    queries = Queries([Query("get", "{urn:x}x", Place.SERVER, answer, "urn:x")])
    assert queries.features(Place.SERVER) == ["urn:x"] and queries.features(Place.ACCOUNT) == []
    assert queries.answer("get", "{urn:x}x", Place.SERVER) is answer
    assert queries.answer("set", "{urn:x}x", Place.SERVER) is None
    with pytest.raises(AssertionError, match="two answers"):
        queries.add([Query("get", "{urn:x}x", Place.SERVER, answer)])


async def test_strangers_learn_nothing_about_accounts(house):
    alice = await house.client(ALICE)
    for to in ("bob@example.test", "nobody@example.test"):
        assert condition(await alice.ask(INFO, to=to)) == ("cancel", "service-unavailable")
        assert condition(await alice.ask(VCARD, to=to)) == ("cancel", "service-unavailable")
        assert condition(await alice.ask(LAST, to=to)) == ("auth", "forbidden")
        assert len((await alice.ask(ITEMS, to=to))[0]) == 0


async def test_contacts_learn_more(house):
    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    assert identities(await alice.ask(INFO, to="bob@example.test")) == [
        ("account", "registered"),
        ("pubsub", "pep"),
    ]


# ---- time and presence


async def test_times(house):
    alice = await house.client(ALICE)
    time = await alice.ask("<time xmlns='urn:xmpp:time'/>", to="example.test")
    assert time.findtext(".//{urn:xmpp:time}utc") == "2026-11-24T12:00:00.000Z"
    offset = time.findtext(".//{urn:xmpp:time}tzo")
    assert len(offset) == 6 and offset[0] in "+-" and offset[3] == ":"
    house.front_end.clock.turn(minutes=2)
    assert (await alice.ask(LAST, to="example.test"))[0].get("seconds") == "120"


async def test_when_somebody_was_last_seen(house):
    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    assert condition(await alice.ask(LAST, to="bob@example.test")) == ("cancel", "item-not-found")
    bob = await house.client(BOB)
    assert (await alice.ask(LAST, to="bob@example.test"))[0].get("seconds") == "0"
    await bob.goes()
    house.front_end.clock.turn(seconds=90)
    assert (await alice.ask(LAST, to="bob@example.test"))[0].get("seconds") == "90"
    assert (await alice.ask(LAST))[0].get("seconds") == "0"


# ---- cards


async def test_cards_come_from_the_directory_until_somebody_writes_one(house):
    await house.friends(ALICE, BOB)
    person = Person("bob@example.test", "Bob <Builder>", mail="bob@mail.test", phones=["+491", "+492"], title="Foreman")
    await house.front_end.store.put_person(BOB, person)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    for card in (await bob.ask(VCARD), await alice.ask(VCARD, to="bob@example.test")):
        assert card.findtext(".//{vcard-temp}FN") == "Bob <Builder>"
        assert card.findtext(".//{vcard-temp}EMAIL/{vcard-temp}USERID") == "bob@mail.test"
        assert [n.text for n in card.iter("{vcard-temp}NUMBER")] == ["+491", "+492"]
        assert card.findtext(".//{vcard-temp}TITLE") == "Foreman"
    await bob.ask("<vCard xmlns='vcard-temp'><FN>Robert</FN><NOTE>a &lt; b</NOTE></vCard>", type="set")
    card = await alice.ask(VCARD, to="bob@example.test")
    assert card.findtext(".//{vcard-temp}FN") == "Robert" and card.findtext(".//{vcard-temp}NOTE") == "a < b"
    assert card.findtext(".//{vcard-temp}TITLE") is None
    write = "<vCard xmlns='vcard-temp'><FN>Mallory</FN></vCard>"
    assert condition(await alice.ask(write, to="bob@example.test", type="set"))[1] == "forbidden"
    assert replace(person, name="").shown_name == "bob" and NOON


# ---- private storage and bookmarks


async def test_private_storage_keeps_one_element_of_each_name(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    notes = "<query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'>%s</exodus></query>"
    await alice.ask(notes % "<nick>A</nick>", type="set")
    await alice.ask(notes % "<nick>B</nick>", type="set")
    assert (await alice.ask(notes % "")).findtext(".//{exodus:prefs}nick") == "B"
    empty = await bob.ask(notes % "")
    assert empty[0][0].tag == "{exodus:prefs}exodus" and len(empty[0][0]) == 0
    for to in ("alice@example.test", "nobody@example.test"):
        assert condition(await bob.ask(notes % "", to=to)) == ("cancel", "forbidden")


@pytest.mark.parametrize("inside", ["", "<a xmlns='urn:a'/><b xmlns='urn:b'/>", "<a/>"])
async def test_private_storage_of_nothing(house, inside):
    alice = await house.client(ALICE)
    answer = await alice.ask(f"<query xmlns='jabber:iq:private'>{inside}</query>", type="set")
    assert condition(answer) == ("modify", "bad-request")


async def test_private_storage_has_a_limit(house):
    alice = await house.client(ALICE)
    for number in range(50):
        key = f"alice@example.test/{{urn:{number}}}x"
        await house.front_end.store.put_document("private-xml", key, b"<x/>")
    answer = await alice.ask("<query xmlns='jabber:iq:private'><x xmlns='urn:50'/></query>", type="set")
    assert condition(answer) == ("modify", "policy-violation")
    answer = await alice.ask("<query xmlns='jabber:iq:private'><x xmlns='urn:49'/></query>", type="set")
    assert answer.get("type") == "result"


PUBSUB = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>%s</pubsub>"
BOOKMARKS = PUBSUB % "<items node='urn:xmpp:bookmarks:1'/>"
PUBLISH = PUBSUB % (
    "<publish node='urn:xmpp:bookmarks:1'><item id='Room@conference.example.test'>"
    "<conference xmlns='urn:xmpp:bookmarks:1' name='A room' autojoin='true'><nick>me</nick>"
    "<extensions><x xmlns='urn:x'/></extensions></conference></item></publish>"
    "<publish-options><x xmlns='jabber:x:data' type='submit'/></publish-options>"
)
OLD = "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>%s</storage></query>"


async def test_bookmarks_are_the_same_in_both_spellings(house):
    alice, old = await house.client(ALICE), await house.client(ALICE, "old")
    assert len((await alice.ask(BOOKMARKS))[0][0]) == 0
    old.got()
    assert (await alice.ask(PUBLISH, type="set")).get("type") == "result"
    assert old.got("message") == []  # it never asked for them
    conference = (await old.ask(OLD % "")).find(".//{storage:bookmarks}conference")
    assert conference.get("jid") == "room@conference.example.test" and conference.get("autojoin") == "true"
    assert conference.findtext("{storage:bookmarks}nick") == "me"
    await old.ask(OLD % "<conference jid='b@conference.example.test' name='B'><nick>n</nick></conference>", type="set")
    (item,) = (await alice.ask(BOOKMARKS)).iter("{http://jabber.org/protocol/pubsub}item")
    assert item.get("id") == "b@conference.example.test" and item[0].tag == "{urn:xmpp:bookmarks:1}conference"
    assert item[0].get("name") == "B" and item[0].findtext("{urn:xmpp:bookmarks:1}nick") == "n"
    whole = await alice.ask(PUBSUB % "<items node='storage:bookmarks'/>")
    assert whole.find(".//{storage:bookmarks}conference").get("name") == "B"


async def test_clients_that_know_bookmarks_hear_of_changes(house):
    alice, phone = await house.client(ALICE), await house.client(ALICE, "phone")
    await phone.ask(BOOKMARKS)
    await alice.ask(PUBLISH, type="set")
    (event,) = phone.got("message", type="headline")
    item = event.find(".//{http://jabber.org/protocol/pubsub#event}item")
    assert item.get("id") == "room@conference.example.test" and event.get("from") == "alice@example.test"
    assert item[0].find("{urn:xmpp:bookmarks:1}extensions") is not None
    retract = PUBSUB % "<retract node='urn:xmpp:bookmarks:1'><item id='room@conference.example.test'/></retract>"
    assert (await alice.ask(retract, type="set")).get("type") == "result"
    (event,) = phone.got("message", type="headline")
    assert event.find(".//{http://jabber.org/protocol/pubsub#event}retract").get("id") == "room@conference.example.test"
    assert condition(await alice.ask(retract, type="set")) == ("cancel", "item-not-found")


@pytest.mark.parametrize(
    "inside, why",
    [
        ("<publish node='urn:xmpp:bookmarks:1'/>", "bad-request"),
        ("<publish node='urn:xmpp:bookmarks:1'><item id='a@b'/></publish>", "bad-request"),
        ("<publish node='urn:xmpp:bookmarks:1'><item id='@'/></publish>", "jid-malformed"),
        ("<retract node='urn:x'><item id='a@b'/></retract>", "item-not-found"),
    ],
)
async def test_bookmarks_that_are_none(house, inside, why):
    alice = await house.client(ALICE)
    assert condition(await alice.ask(PUBSUB % inside, type="set"))[1] == why


# ---- the block list


async def test_the_block_list(house):
    alice, phone = await house.client(ALICE), await house.client(ALICE, "phone")
    empty = await phone.ask("<blocklist xmlns='urn:xmpp:blocking'/>")
    assert empty[0].tag == "{urn:xmpp:blocking}blocklist" and len(empty[0]) == 0
    block = "<block xmlns='urn:xmpp:blocking'>%s</block>"
    item = "<item jid='bob@example.test'/>"
    assert (await alice.ask(block % item, type="set")).get("type") == "result"
    (push,) = phone.got("iq", type="set")
    assert push[0].tag == "{urn:xmpp:blocking}block" and push[0][0].get("jid") == "bob@example.test"
    assert await house.front_end.contacts.blocked(ALICE) == {BOB}
    listed = await alice.ask("<blocklist xmlns='urn:xmpp:blocking'/>")
    assert [i.get("jid") for i in listed[0]] == ["bob@example.test"]
    await alice.ask(f"<unblock xmlns='urn:xmpp:blocking'>{item}</unblock>", type="set")
    assert await house.front_end.contacts.blocked(ALICE) == frozenset()
    assert condition(await alice.ask(block % "", type="set")) == ("modify", "bad-request")
    assert condition(await alice.ask(block % "<item jid='@'/>", type="set")) == ("modify", "jid-malformed")
    own = block % "<item jid='alice@example.test'/>"
    assert condition(await alice.ask(own, type="set")) == ("cancel", "not-allowed")
    domain = block % "<item jid='elsewhere.example'/>"
    assert condition(await alice.ask(domain, type="set"))[1] == "feature-not-implemented"


async def test_blocks_made_elsewhere_are_told_too(house):
    await house.friends(ALICE, BOB)
    alice, bob, other = await house.client(ALICE), await house.client(BOB), await house.client(ALICE, "other")
    await alice.ask("<blocklist xmlns='urn:xmpp:blocking'/>")
    alice.got(), bob.got(), other.got()
    await house.front_end.contacts.block(ALICE, BOB)
    await house.quiet()
    (push,) = alice.got("iq", type="set")
    assert push[0].tag == "{urn:xmpp:blocking}block" and [i.get("jid") for i in push[0]] == ["bob@example.test"]
    assert {p.get("from") for p in bob.got("presence", type="unavailable")} == {alice.jid, other.jid}
    assert [p.get("from") for p in other.got("presence", type="unavailable")] == [bob.jid]
    await alice.send("<message to='bob@example.test' type='chat' id='m'><body>x</body></message>")
    assert condition(alice.got("message", type="error")[0]) == ("cancel", "not-acceptable")
    await house.front_end.contacts.unblock(ALICE, BOB)
    await house.quiet()
    assert [p.get("from") for p in alice.got("presence")] == [bob.jid]
    assert {p.get("from") for p in bob.got("presence")} == {alice.jid, other.jid}


async def test_one_request_is_one_push_and_freeing_everybody_names_nobody(house):
    alice = await house.client(ALICE)
    await alice.ask("<blocklist xmlns='urn:xmpp:blocking'/>")
    both = "<item jid='bob@example.test'/><item jid='dave@example.test'><report xmlns='urn:xmpp:reporting:1'/></item>"
    await alice.send(f"<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'>{both}</block></iq>")
    pushes = [[i.get("jid") for i in iq[0]] for iq in alice.got("iq", type="set")]
    assert pushes == [["bob@example.test", "dave@example.test"]]
    await alice.send("<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'/></iq>")
    (push,) = alice.got("iq", type="set")
    assert push[0].tag == "{urn:xmpp:blocking}unblock" and len(push[0]) == 0


@pytest.mark.parametrize(
    "stanza",
    [
        "<iq type='get' id='i' to='{0}'><vCard xmlns='vcard-temp'/></iq>",
        "<iq type='get' id='i' to='{0}/desk'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<presence id='i' to='{0}'/>",
        "<presence id='i' type='probe' to='{0}'/>",
        "<presence id='i' type='subscribe' to='{0}'/>",
    ],
)
async def test_nothing_goes_to_whom_one_blocks(house, stanza):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await house.front_end.contacts.block(ALICE, BOB)
    await house.quiet()
    alice.got(), bob.got()
    await alice.send(stanza.format("bob@example.test"))
    (error,) = alice.got(type="error")
    assert condition(error) == ("cancel", "not-acceptable") and bob.got() == []
    assert error.find(".//{urn:xmpp:blocking:errors}blocked") is not None


async def test_devices_and_crowds_cannot_be_blocked(house):
    alice = await house.client(ALICE)
    block = "<block xmlns='urn:xmpp:blocking'>%s</block>"
    device = await alice.ask(block % "<item jid='bob@example.test/desk'/>", type="set")
    assert condition(device) == ("cancel", "feature-not-implemented")
    crowd = "".join(f"<item jid='p{number}@example.test'/>" for number in range(201))
    assert condition(await alice.ask(block % crowd, type="set")) == ("modify", "policy-violation")
    assert await house.front_end.contacts.blocked(ALICE) == frozenset()


async def test_a_router_can_be_made_twice(house):
    """Nothing is kept outside of it: two listeners could have one each."""
    assert ClientRouter(house.front_end, Options()) is not house.router


async def test_a_removed_account_ends_its_streams_and_leaves_nothing_to_its_successor(house):
    bob = await house.client(BOB)
    await bob.ask("<query xmlns='jabber:iq:private'><x xmlns='urn:test:notes'>mine</x></query>", type="set")
    await house.front_end.accounts.remove(BOB)
    await house.quiet()
    assert bob.wire.ended == "not-authorized"
    assert await house.front_end.store.documents("private-xml", str(BOB)) == {}
