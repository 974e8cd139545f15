"""Message archives (XEP-0313) and paging (XEP-0059)."""

from __future__ import annotations

import pytest

from ...people import ALICE, BOB, CAROL
from .house import ROOM, body, condition
from .test_rooms import room_with, speak

MAM, RSM, FORWARD, DATA = "urn:xmpp:mam:2", "http://jabber.org/protocol/rsm", "urn:xmpp:forward:0", "jabber:x:data"
SID = "{urn:xmpp:sid:0}stanza-id"


def rsm(inner: str) -> str:
    return f"<set xmlns='{RSM}'>{inner}</set>"


def narrowed(**fields: str) -> str:
    given = "".join(f"<field var='{k.replace('_', '-')}'><value>{v}</value></field>" for k, v in fields.items())
    return f"<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE'><value>{MAM}</value></field>{given}</x>"


async def read(client, inner: str = "", to: str | None = None):
    """A page: the forwarded messages, their archive ids, and how it ended."""
    address = f" to='{to}'" if to else ""
    client.got()
    await client.send(f"<iq type='set' id='a'{address}><query xmlns='{MAM}' queryid='q'>{inner}</query></iq>")
    got = client.got()
    results = [m.find(f"{{{MAM}}}result") for m in got if m.tag.endswith("message")]
    assert all(r is not None and r.get("queryid") == "q" for r in results)
    said = [r.find(f"{{{FORWARD}}}forwarded/{{jabber:client}}message") for r in results]
    return said, [r.get("id") for r in results], got[-1]


def page(answer):
    fin = answer.find(f"{{{MAM}}}fin")
    return fin.get("complete"), {e.tag.partition("}")[2]: e.text for e in fin.find(f"{{{RSM}}}set")}


@pytest.fixture
async def talked(house):
    """Alice and Bob have said five things."""
    alice, bob = await house.client(ALICE), await house.client(BOB)
    for number in range(5):
        one, other = (alice, bob) if number % 2 == 0 else (bob, alice)
        await one.send(f"<message to='{other.bare}' type='chat' id='m{number}'><body>{number}</body></message>")
    return alice, bob


async def test_both_sides_read_their_talk_again_with_the_ids_they_were_shown(talked):
    alice, bob = talked
    shown = [m.find(SID).get("id") for m in bob.got("message")]
    for client in (alice, bob):
        said, ids, answer = await read(client)
        assert [body(m) for m in said] == ["0", "1", "2", "3", "4"]
        assert page(answer) == ("true", {"first": ids[0], "last": ids[-1]})
        assert [(m.get("from"), m.get("to")) for m in said[:2]] == [(alice.jid, BOB_BARE), (bob.jid, ALICE_BARE)]
        assert set(shown) <= set(ids)


BOB_BARE, ALICE_BARE = str(BOB), str(ALICE)


async def test_pages_forward_and_backward(talked):
    alice, _ = talked
    said, ids, answer = await read(alice, rsm("<max>2</max>"))
    assert [body(m) for m in said] == ["0", "1"] and page(answer)[0] is None
    said, _, answer = await read(alice, rsm(f"<max>5</max><after>{ids[-1]}</after>"))
    assert [body(m) for m in said] == ["2", "3", "4"] and page(answer)[0] == "true"
    said, ids, answer = await read(alice, rsm("<max>2</max><before/>"))
    assert [body(m) for m in said] == ["3", "4"] and page(answer)[0] is None
    said, _, _ = await read(alice, rsm(f"<max>2</max><before>{ids[0]}</before>"))
    assert [body(m) for m in said] == ["1", "2"]
    said, ids, answer = await read(alice, rsm("<max>2</max><before/>") + "<flip-page/>")
    assert [body(m) for m in said] == ["4", "3"] and page(answer)[1]["first"] == ids[1]
    _, _, answer = await read(alice, rsm("<max>0</max>"))
    assert page(answer)[1] == {"count": "5"}


async def test_narrowed_by_person_time_and_id(talked, house):
    alice, _ = talked
    carol = await house.client(CAROL)
    await carol.send(f"<message to='{ALICE}' type='chat'><body>from carol</body></message>")
    assert [body(m) for m in (await read(alice, narrowed(**{"with": str(CAROL)})))[0]] == ["from carol"]
    _, ids, _ = await read(alice)
    assert len(ids) == 6
    assert [body(m) for m in (await read(alice, narrowed(ids=ids[2])))[0]] == ["2"]
    assert [body(m) for m in (await read(alice, narrowed(after_id=ids[0], before_id=ids[3])))[0]] == ["1", "2"]
    assert (await read(alice, narrowed(start="2200-01-01T00:00:00Z")))[0] == []
    assert len((await read(alice, narrowed(end="2200-01-01T00:00:00Z")))[0]) == 6


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (rsm("<after>never</after>"), "item-not-found"),
        (rsm("<max>x</max>"), "bad-request"),
        (rsm("<index>3</index>"), "bad-request"),
        (narrowed(start="noon"), "bad-request"),
        (narrowed(colour="blue"), "feature-not-implemented"),
        (narrowed(ids="never"), "item-not-found"),
    ],
)
async def test_what_cannot_be_asked(talked, wrong, expected):
    alice, _ = talked
    said, _, answer = await read(alice, wrong)
    assert not said and condition(answer)[1] == expected


async def test_a_room_has_its_own_archive_for_those_who_are_in_it(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await speak(alice, "one")
    await speak(bob, "two")
    said, _, answer = await read(bob, to=ROOM)
    assert [(m.get("type"), m.get("from"), body(m)) for m in said] == [
        ("groupchat", f"{ROOM}/alice", "one"),
        ("groupchat", f"{ROOM}/bob", "two"),
    ]
    assert page(answer)[0] == "true"
    assert (await read(bob))[0] == [], "a person's own archive has no rooms in it"
    carol = await house.client(CAROL)
    assert condition((await read(carol, to=ROOM))[2])[1] == "item-not-found"


async def test_what_there_is_and_what_can_be_asked(talked):
    alice, _ = talked
    _, ids, _ = await read(alice)
    ends = (await alice.ask(f"<metadata xmlns='{MAM}'/>")).find(f"{{{MAM}}}metadata")
    assert [e.get("id") for e in ends] == [ids[0], ids[-1]]
    form = (await alice.ask(f"<query xmlns='{MAM}'/>")).find(f"{{{MAM}}}query/{{{DATA}}}x")
    assert {"with", "start", "end", "ids"} <= {f.get("var") for f in form}
    kept = (await alice.ask(f"<prefs xmlns='{MAM}'/>")).find(f"{{{MAM}}}prefs")
    assert kept.get("default") == "always"
    refused = await alice.ask(f"<prefs xmlns='{MAM}' default='never'><always/><never/></prefs>", type="set")
    assert condition(refused)[1] == "not-allowed"
    told = await alice.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=str(ALICE))
    features = {f.get("var") for f in told.iter("{http://jabber.org/protocol/disco#info}feature")}
    assert {MAM, f"{MAM}#extended"} <= features
