"""Everything out of one store and into another: nothing is lost or seen that was not, and bad files do nothing."""

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...core.cdr import CallFacts
from ...core.charter import Charter
from ...core.contacts import Contact, Subscription
from ...core.conversation import CallChanged, Conversation, History, Shape
from ...core.errors import BadRequest, Conflict
from ...core.message import Native
from ...core.people import Person
from ...core.sqlite import SqliteStore
from ...core.standing import Standing
from ...core.store import Shown
from ...core.transfer import Taken, export, take_in
from ...core.transfer_lines import MAX_LINE
from ..people import ALICE, BOB, CAROL, DAVE, NOON, Clock, at, says, who
from ..stage import PASSWORD, front_end_in, say, sit

PEOPLE = (ALICE, BOB, CAROL, DAVE)


@asynccontextmanager
async def store_in(folder, name="store"):
    async with SqliteStore(folder / f"{name}.db", clock=Clock()) as store:
        yield store


async def lines_of(store) -> list[bytes]:
    return [line async for line in export(store, NOON)]


async def copied(lines: list[bytes], folder):
    """Taken into a new store; what comes out of that."""
    async with store_in(folder, "copy") as copy:
        taken = await take_in(lambda: iter(lines), copy)
        inboxes = {person: await copy.unseen(person) for person in PEOPLE}
        return taken, await lines_of(copy), inboxes


def by_kind(lines: list[bytes], kind: str) -> list[dict]:
    return [line for line in map(json.loads, lines) if line["line"] == kind]


# ---- calls


async def test_calls_that_are_over_and_calls_that_are_not(tmp_path):
    facts = CallFacts(str(ALICE), "+4930123456@example.test", direction="outgoing", media=["audio"], route="berlin")
    async with store_in(tmp_path) as store:
        for id in ("c1", "c2"):
            call = Conversation(id, NOON, shape=Shape.CALL, keeps_seats=False)
            await store.begin(call, [CallChanged(id, facts, NOON), *call.join(ALICE, NOON)])
        call = Conversation("c1", NOON, shape=Shape.CALL, participants=[ALICE])
        await store.change(call, call.end(NOON + timedelta(minutes=1), "busy"))
        lines = await lines_of(store)
    taken, again, _ = await copied(lines, tmp_path)
    assert again == lines and taken.conversations == 2
    assert [line["record"]["call"]["route"] for line in by_kind(again, "conversation")] == ["berlin", "berlin"]


# ---- people


async def test_people_with_all_that_is_theirs(tmp_path):
    async with store_in(tmp_path) as store:
        await store.put_person(
            ALICE, Person(str(ALICE), "Alïce", "a@b.test", ["1", "2"], "Boss", "Europe/Berlin", "de")
        )
        await store.put_person(BOB, Person(str(BOB)))
        await store.put_credentials(ALICE, {"scram-sha-256": "4096:AA==$AA==:AA==", "digest-md5": "ab"})
        await store.put_blocked(ALICE, frozenset({CAROL, who("eve@elsewhere.test")}))
        await store.put_contacts(
            [
                Contact(ALICE, BOB, "Bob\u2028", ("A", "B, C"), Subscription.BOTH),
                Contact(ALICE, CAROL, subscription=Subscription.TO, asking=True),
                Contact(ALICE, DAVE, asked=True, approved=True),
                Contact(BOB, ALICE, asking=True, listed=False),
            ]
        )
        await store.put_document("vcard", str(ALICE), b"<vCard/>\n\0\xff")
        await store.put_document("bookmarks", f"{ALICE}/1", b"")
        lines = await lines_of(store)
    taken, again, _ = await copied(lines, tmp_path)
    assert again == lines
    assert taken == Taken(people=2, contacts=4, documents=2)


async def test_more_contacts_than_one_commit_takes(tmp_path):
    async with store_in(tmp_path) as store:
        await store.put_person(ALICE, Person(str(ALICE)))
        await store.put_contacts([Contact(ALICE, who(f"p{number}")) for number in range(1203)])
        lines = await lines_of(store)
    taken, again, _ = await copied(lines, tmp_path)
    assert again == lines
    assert taken.contacts == 1203


async def test_people_sign_in_and_see_each_other_as_before(tmp_path):
    async with front_end_in(tmp_path / "one") as front_end:
        await front_end.contacts.ask(ALICE, BOB)
        await front_end.contacts.grant(BOB, ALICE)
        version = await front_end.contacts.version(ALICE)
        lines = await lines_of(front_end.store)
    async with store_in(tmp_path, "two") as store:
        await take_in(lambda: iter(lines), store)
    (tmp_path / "three").mkdir()
    (tmp_path / "two.db").rename(tmp_path / "three" / "hereabouts.db")
    async with front_end_in(tmp_path / "three") as front_end:
        assert await front_end.accounts.check_password(ALICE, PASSWORD)
        assert await front_end.contacts.version(ALICE) == version
        assert (await front_end.contacts.level(ALICE, BOB)).sees


# ---- conversations


async def test_a_talk_that_became_a_conference_with_who_may_see_what(tmp_path):
    clock = Clock()
    async with front_end_in(tmp_path, clock=clock) as front_end:
        sit(front_end, ALICE), sit(front_end, BOB)
        await say(front_end, ALICE, BOB, "one", native=Native("xmpp", b"<body>one</body>"), origin="o-1", client="Psi")
        clock.turn(seconds=1)
        await say(front_end, BOB, ALICE, "two", target="desk")
        talk = await front_end.immcu.between(ALICE, BOB)
        clock.turn(seconds=1)
        await front_end.immcu.add(talk, CAROL, by=ALICE, history=History.NOW)
        clock.turn(seconds=1)
        await say(front_end, BOB, talk.address, "three")
        await front_end.immcu.add(talk, DAVE, by=CAROL, history=History.ALL)
        await front_end.immcu.name(talk, "Lunch", BOB)
        clock.turn(seconds=1)
        await front_end.immcu.leave(talk, BOB)
        clock.turn(seconds=1)
        await say(front_end, ALICE, talk.address, "four")
        await front_end.immcu.add(talk, BOB, by=ALICE)
        await front_end.immcu.leave(talk, DAVE, reason="had enough")
        lines = await lines_of(front_end.store)
        inboxes = {person: await front_end.store.unseen(person) for person in PEOPLE}
        await front_end.immcu.end(talk, "somebody pulled the plug")
        ended = await lines_of(front_end.store)
    taken, again, copies = await copied(lines, tmp_path)
    assert again == lines
    assert copies == inboxes
    assert [message.text for message in inboxes[CAROL]] == ["two", "three", "four"]
    assert (taken.conversations, taken.messages) == (1, 4)
    assert by_kind(lines, "conversation")[0]["record"]["ended_at"] is None
    (tmp_path / "copy.db").unlink()
    _, again, _ = await copied(ended, tmp_path)
    assert again == ended
    assert by_kind(ended, "conversation")[0]["record"]["reason"] == "somebody pulled the plug"


async def test_what_waits_for_somebody_still_waits_and_what_was_shown_does_not_come_again(tmp_path):
    async with front_end_in(tmp_path) as front_end:
        desk = sit(front_end, BOB)
        for text in ("seen one", "seen two"):
            await say(front_end, ALICE, BOB, text)
        front_end.registrar.unbind(at(BOB), desk)
        await front_end.store.unseen(BOB)
        for text in ("missed one", "missed two"):
            await say(front_end, ALICE, BOB, text)
        lines = await lines_of(front_end.store)
    _, again, inboxes = await copied(lines, tmp_path)
    assert again == lines
    assert [message.text for message in inboxes[BOB]] == ["missed one", "missed two"]
    assert inboxes[ALICE] == []


async def test_rooms_keep_their_addresses_their_doors_and_who_was_in_them(tmp_path):
    async with front_end_in(tmp_path) as front_end:
        kitchen = who("kitchen@conference.example.test")
        room = await front_end.immcu.open_room(kitchen, ALICE, subject="Tea", open_door=True)
        await front_end.immcu.enter(room, BOB)
        await say(front_end, BOB, kitchen, "kettle's on")
        lines = await lines_of(front_end.store)
        before = await front_end.store.last_at(kitchen)
    async with store_in(tmp_path, "copy") as copy:
        await take_in(lambda: iter(lines), copy)
        after = await copy.last_at(kitchen)
        assert await lines_of(copy) == lines
    assert replace(before, last_said=None) == replace(after, last_said=None)
    assert (after.open_door, after.moderators, after.participants) == (True, {ALICE}, [ALICE, BOB])


async def test_rooms_keep_their_rules_their_people_and_what_was_taken_back(tmp_path):
    async with front_end_in(tmp_path) as front_end:
        kitchen, immcu = who("kitchen@conference.example.test"), front_end.immcu
        room = await immcu.open_room(kitchen, ALICE, charter=Charter("Kitchen", persistent=True, moderated=True))
        await immcu.chair.set_standings(room, {BOB: Standing.MEMBER, CAROL: Standing.OUTCAST}, ALICE)
        await immcu.chair.register(room, BOB, "Cook")
        await immcu.enter(room, BOB)
        rude = await say(front_end, BOB, kitchen, "too many cooks")
        await immcu.chair.retract(room, rude, ALICE, "rude")
        for person in (ALICE, BOB):
            await immcu.leave(room, person)
        lines = await lines_of(front_end.store)
        before = await front_end.store.asleep()
    async with store_in(tmp_path, "copy") as copy:
        await take_in(lambda: iter(lines), copy)
        after = await copy.asleep()
        assert await lines_of(copy) == lines
        assert (await copy.retractions([rude.id]))[rude.id].reason == "rude"
    assert [c.charter for c in after] == [c.charter for c in before] == [room.charter]
    assert (after[0].standings, after[0].names) == (before[0].standings, {BOB: "Cook"})


async def test_records_keep_their_numbers_and_messages_theirs(tmp_path):
    async with store_in(tmp_path) as store:
        for number in range(3):
            talk = Conversation(f"c{number}", NOON + timedelta(minutes=number))
            await store.begin(talk, [*talk.join(ALICE, talk.started_at), *talk.join(BOB, talk.started_at)])
            for text in range(450):
                await store.append(says(ALICE, str(text), talk.id, id=f"{talk.id}-{text}"))
            await store.change(talk, talk.end(NOON + timedelta(hours=3 - number), "over"))
        lines = await lines_of(store)
    taken, again, _ = await copied(lines, tmp_path)
    assert again == lines
    assert (taken.conversations, taken.messages) == (3, 1350)
    assert [line["record"]["number"] for line in by_kind(again, "conversation")] == [1, 2, 3]


# ---- any history


EXAMPLES = 20
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["join none", "join now", "join all", "leave", "say", "say", "say", "show", "name"]),
        st.sampled_from(PEOPLE),
        st.integers(0, 2),
    ),
    max_size=25,
)


@given(ACTS, st.booleans())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_conversation_comes_out_as_it_went_in(tmp_path_factory, acts, over):
    """Whoever came, went and said what: records, texts, inboxes and what each may see.

    What a record cannot tell: what somebody who came back had been let see the first time, and whether they went before
    or after what was said in the same microsecond.
    """
    folder, now, came, left = tmp_path_factory.mktemp("any"), NOON, [ALICE], False
    async with store_in(folder) as store:
        for person in PEOPLE:
            await store.put_person(person, Person(str(person)))
        room = Conversation("c1", NOON, Shape.CONFERENCE, who("room@conference.example.test"))
        await store.begin(room, room.join(ALICE, NOON))
        for number, (act, person, seconds) in enumerate(acts):
            now += timedelta(seconds=max(seconds, left or act == "leave"))
            left = act == "leave"
            if room.shape is Shape.ENDED:
                break
            match act.split():
                case ["join", history] if person not in room.participants:
                    came.append(person)
                    await store.change(room, room.join(person, now, history=History(history)))
                case ["leave"]:
                    await store.change(room, room.leave(person, now))
                case ["say"] if person in room.participants:
                    message = replace(says(person, str(number)), endpoint=f"desk{seconds}", sent_at=now)
                    room.last_seq = (await store.append(message)).message.seq
                case ["show"] if person in room.participants:
                    store.shown(Shown(at(person, "phone"), room.id, max(room.last_seq - seconds, 0), "Psi", now))
                case ["name"] if person in room.participants:
                    await store.change(room, room.name(f"subject {number}", person, now))
        if over:
            await store.change(room, room.end(now, "over"))
        inboxes = {person: await store.unseen(person) for person in PEOPLE}
        lines = await lines_of(store)
    _, again, copies = await copied(lines, folder)
    once = [person for person in PEOPLE if came.count(person) < 2]
    assert [copies[person] for person in once] == [inboxes[person] for person in once]
    assert [comparable(line, once) for line in again] == [comparable(line, once) for line in lines]


def comparable(raw: bytes, once) -> dict:
    """A line, with the endpoints that came to attend at the same moment in one order, and positions of these people."""
    line = json.loads(raw)
    if line["line"] == "conversation":
        for endpoints in line["record"]["endpoints"].values():
            endpoints.sort(key=lambda endpoint: (endpoint["first_at"], endpoint["instance"]))
        line["positions"] = {who: seq for who, seq in line["positions"].items() if who in map(str, once)}
    return line


# ---- files that are none


HEADER = b'{"line":"hereabouts","format":1,"exported_at":"2026-11-24T12:00:00Z"}\n'
GOOD = b'{"line":"person","person":{"address":"alice@example.test"}}\n'
TALK = json.dumps(
    {
        "line": "conversation",
        "record": {
            "conversation": "c1",
            "shape": "two-party",
            "started_at": "2026-11-24T12:00:00Z",
            "ended_at": None,
            "reason": "",
            "address": "",
            "subject": "",
            "continues": "",
            "seats": [],
            "endpoints": {},
            "messages": {},
        },
        "first_visible": {},
        "positions": {},
    }
).encode()
SAID = (
    b'{"line":"message","seq":%d,"id":"m%d","sender":"alice@example.test","sent_at":"2026-11-24T12:00:00Z","text":""}\n'
)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "line 1: there is nothing"),
        ([GOOD], "line 1: the first line, and no other, says that this is an export"),
        ([HEADER, HEADER], "line 2: the first line, and no other"),
        ([HEADER.replace(b":1,", b":2,"), GOOD], "line 1: this is format 2, and format 1 is understood here"),
        ([HEADER, GOOD, b"not json\n"], "line 3: "),
        ([HEADER, GOOD, b'{"line":"unheard of"}\n'], "line 3: Invalid value 'unheard of'"),
        ([HEADER, GOOD, b'{"line":"person","person":{"address":"nobody"}}\n'], "line 3: 'nobody' is not an address"),
        ([HEADER, GOOD, b'{"line":"contact","owner":"alice@example.test"}\n'], "line 3: Object missing required field"),
        ([HEADER, GOOD, GOOD.replace(b"}}", b'},"shoe":9}')], "line 3: Object contains unknown field `shoe`"),
        ([HEADER, GOOD, b'{"line":"document","kind":"k","key":"k","body":"!"}\n'], "line 3: Invalid base64"),
        ([HEADER, SAID % (1, 1)], "line 2: message 1 does not follow message 0"),
        ([HEADER, TALK, SAID % (1, 1), SAID % (3, 3)], "line 4: message 3 does not follow message 1"),
        ([HEADER, TALK, GOOD, SAID % (1, 1)], "line 4: message 1 does not follow message 0"),
        ([HEADER, TALK, TALK], "line 3: conversation c1 is there twice"),
        ([HEADER, GOOD, b"x" * (MAX_LINE + 1)], "line 3: longer than"),
        ([HEADER, GOOD, b'{"line":"person","person":{"address":"\xff"}}\n'], "line 3: "),
    ],
)
async def test_a_bad_line_is_named_and_nothing_is_taken_in(tmp_path, lines, said):
    async with store_in(tmp_path) as store:
        with pytest.raises(BadRequest) as wrong:
            await take_in(lambda: iter(lines), store)
        assert str(wrong.value).startswith(said)
        assert await store.people() == []
        assert await store.open_conversations() == []


async def test_an_export_goes_into_an_empty_store_only(tmp_path):
    async with store_in(tmp_path) as store:
        await store.put_person(ALICE, Person(str(ALICE), "Alice"))
        with pytest.raises(Conflict, match="empty store"):
            await take_in(lambda: iter([HEADER, GOOD]), store)
        assert (await store.person(ALICE)).name == "Alice"


async def test_a_message_that_is_twice_in_the_file_is_no_message_of_another_number(tmp_path):
    """Two messages of one sender with one origin: the second would be taken for a repetition of the first."""
    twice = [(SAID % (number, number)).replace(b'"text"', b'"origin":"o","text"') for number in (1, 2)]
    async with store_in(tmp_path) as store:
        with pytest.raises(Conflict, match="m2 of c1 is there already"):
            await take_in(lambda: iter([HEADER, TALK, *twice]), store)


async def test_nothing_comes_out_of_nothing(tmp_path):
    async with store_in(tmp_path) as store:
        lines = await lines_of(store)
    assert by_kind(lines, "hereabouts") == [{"line": "hereabouts", "format": 1, "exported_at": "2026-11-24T12:00:00Z"}]
    taken, again, _ = await copied(lines, tmp_path)
    assert taken == Taken()
    assert again == lines


async def test_a_file_says_in_plain_text_what_it_has(tmp_path):
    """So that other programs can read it: addresses as text, times in UTC, one object a line."""
    async with store_in(tmp_path) as store:
        await store.put_person(ALICE, Person(str(ALICE), "Alice"))
        await store.put_contacts([Contact(ALICE, BOB, "Bob", ("Work",), Subscription.TO)])
        lines = await lines_of(store)
    assert by_kind(lines, "contact") == [
        {
            "line": "contact",
            "owner": "alice@example.test",
            "address": "bob@example.test",
            "name": "Bob",
            "groups": ["Work"],
            "subscription": "to",
        }
    ]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
