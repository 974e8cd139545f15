"""Calls: whoever is in one is on the phone, and each leaves one record, whatever happens to it or to the disk."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from ...core import call_records
from ...core import calls as calls_of_core
from ...core.access import AccessLevel
from ...core.call import CANCELLED, CONNECTION_LOST, DECLINED, HUNG_UP, NOT_ANSWERED, OCCUPIED, Party
from ...core.calls import Calls, CallState
from ...core.conversation import Shape
from ...core.domains import Domains
from ...core.errors import Busy, Refused
from ...core.hooks import hookimpl
from ...core.housekeeping import end_idle
from ...core.identity import Identity
from ...core.presence import Activity, Availability, Publication, Source
from ...core.sqlite import SqliteStore
from ..hostile import FailingStore, FullStore, SlowStore
from ..people import ALICE, BOB, CAROL, DAVE, NOON, Clock, who
from ..plugged import hooks_of
from ..stage import front_end_in, say, sit
from .test_presence_registry import Eye, registry_with

HANDSET = "+4930123456"


def party(person, instance="phone") -> Party:
    return Party(person, "", instance)


async def ring(front_end, caller=ALICE, callee=BOB, **more):
    call = await front_end.calls.begin(party(caller), party(callee), **more)
    await front_end.calls.ringing(call, party(callee))
    return call


async def talk(front_end, caller=ALICE, callee=BOB, **more):
    call = await ring(front_end, caller, callee, **more)
    await front_end.calls.answered(call, party(callee))
    return call


async def record_of(front_end, call):
    return await front_end.store.record(call.id)


@asynccontextmanager
async def calls_on(store, *plugins):
    """Calls whose records go to this store, and a presence registry where everybody sees Alice and Bob."""
    levels = {person: AccessLevel.COLLEAGUES for person in (ALICE, BOB, CAROL, DAVE)}
    hooks, presence = hooks_of(*plugins), registry_with(*plugins, levels=levels)
    records = call_records.CallRecords(store, hooks)
    calls = Calls(records, presence, Domains(("example.test",)), hooks, Clock())
    async with store, hooks.delivered():
        yield calls
        await calls.close("server stopped")


# ---- records


async def test_the_record_of_a_call(front_end):
    call = await ring(front_end, media={"audio", "video"})
    front_end.clock.turn(seconds=10)
    await front_end.calls.answered(call, party(BOB, "desk"), {"audio"})
    front_end.clock.turn(seconds=60)
    await front_end.calls.ended(call, HUNG_UP, party(ALICE))
    record = await record_of(front_end, call)
    assert (record.shape, record.reason, record.number) == ("call", f"{ALICE} hung up", 1)
    assert record.participants == [str(ALICE), str(BOB)]
    assert (record.call.caller, record.call.callee, record.call.answered_by) == (str(ALICE), str(BOB), str(BOB))
    assert (record.call.outcome, record.call.direction) == ("answered", "internal")
    assert (record.call.media, record.talked) == (["audio", "video"], 60.0)
    assert (record.ended_at - record.started_at).total_seconds() == 70


async def test_a_call_that_runs_has_an_interim_record(front_end):
    call = await ring(front_end)
    record = await record_of(front_end, call)
    assert (record.ended_at, record.call.outcome, record.participants) == (None, "unanswered", [str(ALICE)])
    await front_end.calls.answered(call, party(BOB))
    assert (await record_of(front_end, call)).call.outcome == "answered"


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (NOT_ANSWERED, "missed"),
        (OCCUPIED, "busy"),
        (DECLINED, "declined"),
        (CANCELLED, "cancelled"),
        (CONNECTION_LOST, "failed"),
    ],
)
async def test_a_call_that_nobody_answers(front_end, reason, outcome):
    call = await ring(front_end)
    await front_end.calls.ended(call, reason)
    record = await record_of(front_end, call)
    assert (record.reason, record.call.outcome, record.call.answered_at) == (reason, outcome, None)
    assert (record.participants, record.talked) == ([str(ALICE)], 0.0)


async def test_what_ended_an_answered_call_is_its_reason_and_not_its_outcome(front_end):
    call = await talk(front_end)
    await front_end.calls.ended(call, CONNECTION_LOST)
    record = await record_of(front_end, call)
    assert (record.reason, record.call.outcome) == (CONNECTION_LOST, "answered")


@pytest.mark.parametrize(
    ("caller", "callee", "direction", "names"),
    [
        (ALICE, HANDSET, "outgoing", (str(ALICE), f"{HANDSET}@example.test")),
        (HANDSET, BOB, "incoming", (f"{HANDSET}@example.test", str(BOB))),
        (ALICE, who("eve@elsewhere.example"), "outgoing", (str(ALICE), "eve@elsewhere.example")),
        (HANDSET, "112", "passing", (f"{HANDSET}@example.test", "112@example.test")),
        (":", BOB, "incoming", ("unknown@example.test", str(BOB))),
    ],
)
async def test_numbers_and_people_of_other_domains(front_end, caller, callee, direction, names):
    call = await talk(front_end, caller, callee, route="berlin")
    await front_end.calls.ended(call, HUNG_UP, party(caller))
    record = await record_of(front_end, call)
    assert (record.call.direction, record.call.route) == (direction, "berlin")
    assert (record.call.caller, record.call.callee, record.reason) == (*names, f"{names[0]} hung up")
    assert [Identity.parse(name) for name in record.participants] == [Identity.parse(name) for name in names]


async def test_somebody_else_may_answer_and_calls_continue_after_a_transfer(front_end):
    call = await ring(front_end)
    await front_end.calls.answered(call, party(CAROL))
    await front_end.calls.answered(call, party(BOB))
    await front_end.calls.transferred(call, party(DAVE))
    after = await front_end.calls.begin(party(ALICE), party(DAVE), continues=call)
    await front_end.calls.ended(call, HUNG_UP, party(CAROL))
    await front_end.calls.ended(after, CANCELLED)
    record = await record_of(front_end, call)
    assert (record.call.callee, record.call.answered_by) == (str(BOB), str(CAROL))
    assert record.call.transferred_to == [str(DAVE)]
    assert (await record_of(front_end, after)).continues == call.id


async def test_media_that_came_and_went_are_on_the_record(front_end):
    call = await talk(front_end)
    await front_end.calls.changed(call, media={"audio", "video"})
    await front_end.calls.changed(call, media={"audio"}, held=True)
    assert (call.held, call.media) == (True, {"audio"})
    await front_end.calls.ended(call, HUNG_UP, party(BOB))
    await front_end.calls.changed(call, held=False)
    await front_end.calls.transferred(call, party(DAVE))
    await front_end.calls.answered(call, party(CAROL))
    await front_end.calls.ringing(call, party(CAROL))
    record = await record_of(front_end, call)
    assert (record.call.media, record.call.transferred_to) == (["audio", "video"], [])


async def test_a_call_ends_once(front_end):
    call = await talk(front_end)
    await asyncio.gather(
        front_end.calls.ended(call, HUNG_UP, party(ALICE)), front_end.calls.ended(call, HUNG_UP, party(BOB))
    )
    assert len(await front_end.store.records()) == 1 and (await record_of(front_end, call)).reason == f"{ALICE} hung up"


async def test_the_records_of_calls_and_talks_are_numbered_together(front_end):
    await say(front_end, ALICE, BOB, "may I call?")
    call = await talk(front_end)
    await front_end.calls.ended(call, HUNG_UP, party(ALICE))
    await front_end.immcu.end(await front_end.immcu.between(ALICE, BOB), "idle")
    assert [(r.number, r.shape) for r in await front_end.store.records()] == [(1, "call"), (2, "two-party")]


# ---- a call is no conversation in text


async def test_a_call_is_no_talk(front_end):
    call = await talk(front_end)
    assert call.conversation.shape is Shape.CALL
    assert front_end.immcu.conversations == {} and front_end.immcu.of(ALICE) == []
    assert await front_end.immcu.between(ALICE, BOB) is None
    message = await say(front_end, ALICE, BOB, "hello")
    assert message.conversation != call.id
    assert await front_end.immcu.roll.find(call.id) is not None
    assert list(front_end.immcu.conversations) == [message.conversation]


async def test_a_long_call_is_not_idle(front_end):
    call = await talk(front_end)
    front_end.clock.turn(hours=30)
    await end_idle(front_end.immcu, front_end.settings, front_end.clock())
    assert front_end.calls.of(BOB) == [call] and (await record_of(front_end, call)).ended_at is None


async def test_nobodys_endpoint_hears_of_a_call_as_of_a_conversation(front_end):
    alice, bob = sit(front_end, ALICE), sit(front_end, BOB)
    call = await talk(front_end)
    await front_end.calls.ended(call, HUNG_UP, party(ALICE))
    assert alice.news == bob.news == []


# ---- who is in which call, and who is told


async def test_the_calls_of_somebody(front_end):
    calls = front_end.calls
    call = await calls.begin(party(ALICE), party(BOB))
    assert [calls.of(person) for person in (ALICE, BOB, CAROL)] == [[call], [call], []]
    await calls.ringing(call, party(CAROL))
    assert calls.of(CAROL) == [call] and call.state is CallState.EARLY
    await calls.ringing(call, party(CAROL), stopped=True)
    assert calls.of(CAROL) == []
    await calls.ringing(call, party(DAVE))
    await calls.answered(call, party(DAVE))
    assert [calls.of(person) for person in (ALICE, BOB, DAVE)] == [[call], [], [call]]
    assert call.other(ALICE) == party(DAVE) and call.other(DAVE) == party(ALICE)
    await calls.ended(call, HUNG_UP, party(DAVE))
    assert calls.of(ALICE) == calls.of(DAVE) == [] and calls.open == {}


async def test_whoever_watches_a_person_is_told_until_they_do_not(front_end):
    seen = []

    def told(call):
        seen.append(call.state)

    def breaks(call):
        raise RuntimeError("this watcher is broken")

    front_end.calls.watch(BOB, breaks)
    front_end.calls.watch(BOB, told)
    call = await talk(front_end)
    await front_end.calls.ended(call, HUNG_UP, party(ALICE))
    assert seen == [CallState.TRYING, CallState.EARLY, CallState.CONFIRMED, CallState.TERMINATED]
    front_end.calls.unwatch(BOB, told)
    front_end.calls.unwatch(CAROL, told)
    await ring(front_end)
    assert len(seen) == 4


async def test_the_called_are_told_when_somebody_else_answers(front_end):
    seen = []
    call = await ring(front_end)
    front_end.calls.watch(BOB, lambda call: seen.append(BOB in call.people))
    await front_end.calls.answered(call, party(CAROL))
    await front_end.calls.ended(call, HUNG_UP, party(CAROL))
    assert seen == [False]


async def test_plugins_hear_of_calls(tmp_path):
    class Listener:
        def __init__(self):
            self.heard = []

        @hookimpl
        def call_started(self, call):
            self.heard.append(("started", call.id))

        @hookimpl
        def call_answered(self, call):
            self.heard.append(("answered", call.answered_by.address))

        @hookimpl
        def call_ended(self, call, reason):
            self.heard.append(("ended", reason))

        @hookimpl
        def record_closed(self, record):
            self.heard.append(("record", record.call.outcome))

        @hookimpl
        def conversation_started(self, conversation):
            self.heard.append(("talk", conversation.id))

    listener = Listener()
    async with front_end_in(tmp_path, listener) as front_end:
        call = await talk(front_end)
        await front_end.calls.ended(call, HUNG_UP, party(BOB))
        await front_end.hooks.heard()
    assert listener.heard == [
        ("started", call.id), ("answered", BOB), ("record", "answered"), ("ended", f"{BOB} hung up")]  # fmt: skip


# ---- on the phone


def claims(front_end, person):
    return [(p.availability, p.activity) for p in front_end.presence.publications(person)]


async def test_the_caller_is_on_the_phone_when_it_rings_and_the_called_when_they_answer(front_end):
    on_the_phone = [(Availability.BUSY, Activity.IN_A_CALL)]
    call = await front_end.calls.begin(party(ALICE), party(BOB))
    assert claims(front_end, ALICE) == claims(front_end, BOB) == []
    await front_end.calls.ringing(call, party(BOB))
    assert (claims(front_end, ALICE), claims(front_end, BOB)) == (on_the_phone, [])
    await front_end.calls.answered(call, party(BOB))
    assert claims(front_end, ALICE) == claims(front_end, BOB) == on_the_phone
    await front_end.calls.ended(call, HUNG_UP, party(ALICE))
    assert claims(front_end, ALICE) == claims(front_end, BOB) == []


async def available(front_end, person, availability=Availability.AVAILABLE):
    claim = Publication("xmpp/desk", Source.MACHINE, availability, NOON, instance="desk")
    await front_end.presence.publish(person, claim)


async def watched(front_end, watcher, person) -> Eye:
    eye = Eye(watcher)
    await front_end.presence.watch(person, eye)
    return eye


async def test_whoever_may_see_it_sees_it_and_nobody_else(front_end):
    await available(front_end, ALICE)
    await front_end.contacts.ask(BOB, ALICE)
    await front_end.contacts.grant(ALICE, BOB)
    colleague, stranger = await watched(front_end, BOB, ALICE), await watched(front_end, CAROL, ALICE)
    call = await talk(front_end, ALICE, HANDSET)
    await front_end.calls.ended(call, HUNG_UP, party(ALICE))
    assert [(d.availability, d.activity) for d in colleague.documents] == [
        (Availability.AVAILABLE, Activity.NONE),
        (Availability.BUSY, Activity.IN_A_CALL),
        (Availability.AVAILABLE, Activity.NONE),
    ]
    assert [d.availability for d in stranger.documents] == [Availability.OFFLINE]


async def test_an_external_contact_sees_busy_and_not_why():
    clock, levels = Clock(), {BOB: AccessLevel.EXTERNAL}
    presence, bob = registry_with(levels=levels, clock=clock), Eye(BOB)
    await presence.watch(ALICE, bob)
    await presence.publish(
        ALICE, Publication("call/1", Source.PHONE, Availability.BUSY, NOON, None, Activity.IN_A_CALL)
    )
    assert (bob.documents[-1].availability, bob.documents[-1].activity) == (Availability.BUSY, Activity.NONE)


async def test_do_not_disturb_stays(front_end):
    await available(front_end, ALICE, Availability.DO_NOT_DISTURB)
    await talk(front_end)
    document = front_end.presence.of(ALICE)
    assert (document.availability, document.activity) == (Availability.DO_NOT_DISTURB, Activity.IN_A_CALL)


async def test_two_calls_of_one_person_end_one_after_the_other(front_end):
    one, other = await talk(front_end, ALICE, BOB), await talk(front_end, CAROL, ALICE)
    await front_end.calls.ended(one, HUNG_UP, party(BOB))
    assert claims(front_end, ALICE) == [(Availability.BUSY, Activity.IN_A_CALL)]
    assert front_end.calls.of(ALICE) == [other]
    await front_end.calls.ended(other, HUNG_UP, party(CAROL))
    assert claims(front_end, ALICE) == []


async def test_a_phone_that_is_lost_leaves_the_call_to_itself(front_end):
    await talk(front_end)
    await front_end.presence.depart(ALICE, "phone")
    assert claims(front_end, ALICE) == [(Availability.BUSY, Activity.IN_A_CALL)]


async def test_a_policy_that_publishes_slowly_or_not_at_all_is_no_harm(tmp_path):
    class Slow:
        let = asyncio.Event()

        @hookimpl
        async def filter_publication(self, publication, identity):
            if identity == BOB:
                raise Refused("nobody knows of Bob")
            await self.let.wait()

    slow = Slow()
    async with front_end_in(tmp_path, slow) as front_end:
        call = await front_end.calls.begin(party(ALICE), party(BOB))
        answering = asyncio.ensure_future(front_end.calls.answered(call, party(BOB)))
        await asyncio.sleep(0)
        ending = asyncio.ensure_future(front_end.calls.ended(call, HUNG_UP, party(BOB)))
        await asyncio.sleep(0)
        slow.let.set()
        await asyncio.gather(answering, ending)
        assert claims(front_end, ALICE) == claims(front_end, BOB) == []


async def test_people_of_other_domains_have_no_presence_here(front_end):
    eve = who("eve@elsewhere.example")
    await talk(front_end, eve, ALICE)
    assert claims(front_end, eve) == [] and claims(front_end, ALICE) != []


# ---- ending from outside


async def test_an_administrator_ends_a_call_by_whoever_carries_it(front_end):
    call, asked = await talk(front_end), []

    async def not_mine(call, reason):
        return False

    async def mine(call, reason):
        asked.append(reason)
        return True

    front_end.calls.hang_up.append(not_mine)
    with pytest.raises(Refused):
        await front_end.calls.end(call, "ended by an administrator")
    assert front_end.calls.of(ALICE) == [call]
    front_end.calls.hang_up.append(mine)
    await front_end.calls.end(call, "ended by an administrator")
    assert asked == ["ended by an administrator"] and front_end.calls.of(ALICE) == []
    assert (await record_of(front_end, call)).reason == "ended by an administrator"


async def test_a_removed_account_ends_its_calls(front_end):
    call = await talk(front_end)

    async def carried(call, reason):
        return True

    front_end.calls.hang_up.append(carried)
    await front_end.accounts.remove(ALICE)
    assert (await record_of(front_end, call)).reason == "account removed"


# ---- limits


async def test_there_are_limits(front_end, monkeypatch):
    monkeypatch.setattr(calls_of_core, "MAX_CALLS_OF_ONE", 2)
    monkeypatch.setattr(calls_of_core, "MAX_CALLS", 3)
    monkeypatch.setattr(calls_of_core, "MAX_RINGING", 2)
    for _ in range(2):
        call = await ring(front_end)
    with pytest.raises(Busy, match="is in 2 calls already"):
        await ring(front_end)
    await ring(front_end, CAROL, DAVE)
    with pytest.raises(Busy):
        await ring(front_end, HANDSET, DAVE)
    assert (await ring(front_end, ALICE, "112", emergency=True)).facts.emergency
    for number in range(5):
        await front_end.calls.ringing(call, party(BOB, str(number)))
    assert len(call.ringing) == 2


# ---- a bad disk, a stop, a crash


async def test_a_call_that_cannot_be_written_does_not_begin(tmp_path):
    async with calls_on(FullStore(SqliteStore(tmp_path / "a.db", clock=Clock()))) as calls:
        with pytest.raises(Busy):
            await calls.begin(party(ALICE), party(BOB))
        assert calls.open == {} and calls.of(ALICE) == []


async def test_an_emergency_call_waits_for_no_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(call_records, "WRITE_AGAIN", 0.01)
    store = FullStore(SqliteStore(tmp_path / "a.db", clock=Clock()))
    async with calls_on(store) as calls:
        call = await calls.begin(party(ALICE), party("112"), emergency=True)
        await calls.answered(call, party("112"))
        await calls.ended(call, HUNG_UP, party(ALICE))
        store.full = False
        record = await written(store, call)
        assert record.call.emergency and record.call.outcome == "answered"
        assert record.participants == [str(ALICE), "112@example.test"]


async def test_what_the_disk_did_not_take_is_written_when_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr(call_records, "WRITE_AGAIN", 0.01)
    store = FullStore(SqliteStore(tmp_path / "a.db", clock=Clock()), full=False)

    closed = []

    class Listener:
        @hookimpl
        def record_closed(self, record):
            closed.append(record.conversation)

    async with calls_on(store, Listener()) as calls:
        call = await calls.begin(party(ALICE), party(BOB))
        store.full = True
        await calls.answered(call, party(BOB))
        await calls.ended(call, HUNG_UP, party(BOB))
        assert calls.of(ALICE) == []
        store.full = False
        record = await written(store, call)
        assert (record.reason, record.call.outcome) == (f"{BOB} hung up", "answered")
    assert closed == [call.id]


async def written(store, call):
    async with asyncio.timeout(10):
        while (record := await store.record(call.id)) is None or record.ended_at is None:
            await asyncio.sleep(0.01)
    return record


@pytest.mark.parametrize("deed", ["begin", "change"])
async def test_a_commit_without_an_answer_is_one_record(tmp_path, monkeypatch, deed):
    monkeypatch.setattr(call_records, "WRITE_AGAIN", 0.01)
    store = FailingStore(SqliteStore(tmp_path / "a.db", clock=Clock()))
    async with calls_on(store) as calls:
        store.fail(deed, Busy("the connection was lost"), after=True)
        call = await calls.begin(party(ALICE), party("112"), emergency=True)
        await calls.ended(call, CANCELLED)
        record = await written(store, call)
        assert (record.call.outcome, record.participants) == ("cancelled", [str(ALICE)])
        assert len(await store.records()) == 1


async def test_what_is_late_is_tried_once_more_at_the_stop(tmp_path):
    store = FullStore(SqliteStore(tmp_path / "a.db", clock=Clock()), full=False)
    async with calls_on(store) as calls:
        call = await calls.begin(party(ALICE), party(BOB))
        store.full = True
        await calls.ended(call, DECLINED)
        store.full = False
        await calls.close("server stopped")
        assert (await store.record(call.id)).call.outcome == "declined"
        with pytest.raises(Busy):
            await calls.begin(party(ALICE), party(BOB), emergency=True)


async def test_a_caller_who_gives_up_while_the_disk_is_slow_leaves_no_open_record(tmp_path):
    let = asyncio.Event()
    store = SlowStore(SqliteStore(tmp_path / "a.db", clock=Clock()), let.wait)
    async with calls_on(store) as calls:
        beginning = asyncio.ensure_future(calls.begin(party(ALICE), party(BOB)))
        await asyncio.sleep(0)
        beginning.cancel()
        await asyncio.wait([beginning])
        let.set()
        async with asyncio.timeout(10):
            while not (found := await store.records()):
                await asyncio.sleep(0.01)
        assert (found[0].reason, found[0].call.outcome) == (CANCELLED, "cancelled")
        assert calls.open == {} and await store.open_conversations() == []


async def test_a_call_that_begins_while_the_server_stops_is_closed(tmp_path):
    let = asyncio.Event()
    store = SlowStore(SqliteStore(tmp_path / "a.db", clock=Clock()), let.wait)
    async with calls_on(store) as calls:
        beginning = asyncio.ensure_future(calls.begin(party(ALICE), party(BOB)))
        await asyncio.sleep(0)
        await calls.close("server stopped")
        let.set()
        with pytest.raises(Busy):
            await beginning
        assert [record.reason for record in await store.records()] == ["server stopped"]


async def test_a_stop_closes_the_records_of_calls(tmp_path):
    async with front_end_in(tmp_path) as front_end:
        call = await talk(front_end)
    async with front_end_in(tmp_path) as front_end:
        assert [(r.conversation, r.reason) for r in await front_end.store.records()] == [(call.id, "server stopped")]
        assert claims(front_end, ALICE) == []


async def test_a_crash_leaves_a_record_that_says_so_and_nobody_on_the_phone(tmp_path):
    heard = []

    class Listener:
        @hookimpl
        def record_closed(self, record):
            heard.append(record.conversation)

        @hookimpl
        def conversation_ended(self, event):
            heard.append("a talk")

    async with SqliteStore(tmp_path / "hereabouts.db", clock=Clock()) as store, asyncio.timeout(10):
        calls = Calls(
            call_records.CallRecords(store, hooks_of()),
            registry_with(),
            Domains(("example.test",)),
            hooks_of(),
            Clock(),
        )
        answered = await calls.begin(party(ALICE), party(BOB))
        await calls.answered(answered, party(BOB))
        rings = await calls.begin(party(CAROL), party(DAVE))
    async with front_end_in(tmp_path, Listener()) as front_end:
        records = await front_end.store.records()
        assert [(r.conversation, r.reason, r.call.outcome) for r in records] == [
            (answered.id, "server restart", "answered"),
            (rings.id, "server restart", "unanswered"),
        ]
        assert front_end.immcu.conversations == {} and claims(front_end, ALICE) == []
        await front_end.hooks.heard()
    assert heard == [answered.id, rings.id]


async def test_one_call_that_cannot_be_ended_does_not_keep_the_others_open(tmp_path, caplog):
    store = FailingStore(SqliteStore(tmp_path / "a.db", clock=Clock()))
    async with calls_on(store) as calls:
        for caller, callee in ((ALICE, BOB), (CAROL, DAVE)):
            await calls.begin(party(caller), party(callee))
        store.fail("change", RuntimeError("a mistake of ours"))
        await calls.close("server stopped")
        assert [record.reason for record in await store.records()] == ["server stopped"]
        assert "a call could not be ended properly" in caplog.text and calls.open == {}
