"""Desk phones on a PBX, against a scripted one: who is on the phone, and what becomes of that in trouble."""

from __future__ import annotations

import asyncio
import tomllib
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from .....core.hooks import hookimpl
from .....core.options import checked
from .....core.people import Person
from .....core.presence import Activity, Availability, Source
from .....core.toml_tables import Table
from .....plugins.sip.calls import desk_phone, desk_phones
from .....plugins.sip.calls.settings import CallOptions, CallRoute, TrunkOptions
from .....plugins.sip.events import subscriber
from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from .....plugins.sip.transport.resolver import NextHop
from ....people import ALICE, BOB
from ....stage import front_end_in
from .conftest import Exchange, Records
from .handset import Line
from .lamp_pbx import LampPbx, document

TALKS = document(1, ("a", "confirmed"))
FREE = document(2)


class Seen(Records):
    """What Bob's activity was, each time that something about him changed."""

    def __init__(self):
        super().__init__()
        self.seen = []

    @hookimpl
    def presence_changed(self, before, after):
        if after.identity == BOB and after.activity != before.activity:
            self.seen.append(after.activity)


@pytest.fixture
async def served(tmp_path, monkeypatch):
    """Starts a front end with trunks; ends it before the PBXs.  Whoever fails is tried again soon."""
    monkeypatch.setattr(subscriber, "BACK_OFF", (0.02,))
    async with AsyncExitStack() as stack:

        async def serve(calls=None, **trunks):
            sip = SipTransport(
                SipOptions(
                    listen="127.0.0.1",
                    tls_port=None,
                    tcp_port=0,
                    udp_port=0,
                    notify_pause=0.0,
                    calls=calls or CallOptions(),
                    trunks=trunks,
                )
            )
            records = Seen()
            async with front_end_in(tmp_path):
                pass  # the cast has accounts before the lines are looked for
            front_end = await stack.enter_async_context(
                front_end_in(tmp_path, sip, records, clock=lambda: datetime.now(UTC))
            )
            exchange = Exchange(front_end, sip, records)
            stack.push_async_callback(close, exchange)
            return exchange

        async def close(exchange):
            for phone in exchange.phones:
                await phone.close()

        yield serve


@pytest.fixture(params=["tcp", "udp"])
async def pbx(request):
    async with LampPbx("hereabouts", "s3cret").serving(request.param) as pbx:
        yield pbx


@pytest.fixture
async def tcp_pbx():
    async with LampPbx("hereabouts", "s3cret").serving("tcp") as pbx:
        yield pbx


def trunk(pbx, **more):
    settings = {
        "username": "hereabouts",
        "password": "s3cret",
        "domain": "pbx.test",
        "ping": 0,
        "extensions": {"4711": str(BOB)},
    }
    return TrunkOptions(hops=[pbx.uri], **settings | more)


def health(exchange):
    (states,) = exchange.front_end.hooks.trunks(front_end=exchange.front_end)
    return states[0]


def claims(exchange, who=BOB):
    return [p for p in exchange.front_end.presence.publications(who) if p.owner == "pbx/pbx"]


def on_the_phone(exchange, who=BOB):
    shown = exchange.front_end.presence.of(who)
    return (shown.activity, shown.availability) == (Activity.IN_A_CALL, Availability.BUSY)


async def watching(exchange, lines=1):
    await exchange.until(
        lambda: (health(exchange).lines, health(exchange).lines_failing) == (lines, 0), "every line to be watched"
    )


def proven(pbx):
    """The SUBSCRIBEs with a password."""
    return [request for request in pbx.asked("SUBSCRIBE") if request.first("Proxy-Authorization")]


# ---- on the phone, and off again


@pytest.mark.parametrize("status", [200, 202])
async def test_whoever_talks_at_the_pbx_is_on_the_phone_until_they_hang_up(served, pbx, status):
    pbx.taken_with = status
    exchange = await served(pbx=trunk(pbx))
    await watching(exchange)
    first, second = pbx.asked("SUBSCRIBE")
    assert second.uri == "sip:4711@pbx.test" and str(second.from_.uri) == "sip:hereabouts@pbx.test"
    assert second.event.value == "dialog" and second.first("Accept") == "application/dialog-info+xml"
    assert second.expires == desk_phones.LASTS
    assert (first.call_id, first.from_.tag) == (second.call_id, second.from_.tag)
    assert second.cseq.number == first.cseq.number + 1, "what is asked again has a number of its own"
    assert (await pbx.notify(document(1, ("a", "early")))).status == 200
    assert not claims(exchange), "ringing is nothing"
    assert (await pbx.notify(document(2, ("a", "confirmed")))).status == 200
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    (claim,) = claims(exchange)
    assert claim.source is Source.PHONE
    left = (claim.expires - datetime.now(UTC)).total_seconds()
    assert desk_phones.LASTS < left < desk_phones.LASTS + desk_phone.GRACE + 1
    assert (await pbx.notify(document(3, ("a", "terminated")))).status == 200
    await exchange.until(lambda: not claims(exchange), "Bob to be free")
    assert not on_the_phone(exchange)


async def test_who_talks_already_is_seen_at_once(served, tcp_pbx):
    tcp_pbx.now = TALKS
    exchange = await served(pbx=trunk(tcp_pbx))
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    since = claims(exchange)[0].since
    tcp_pbx.now = document(7, ("a", "confirmed"))
    await tcp_pbx.notify(document(8, ("a", "confirmed"), ("b", "early")))
    assert claims(exchange)[0].since == since, "the same call is as old as it was"


async def test_parts_of_the_state_add_up(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    await tcp_pbx.notify(document(1, ("a", "confirmed"), state="partial"))
    await tcp_pbx.notify(document(2, ("b", "confirmed"), state="partial"))
    await tcp_pbx.notify(document(3, ("a", "terminated"), state="partial"))
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    await tcp_pbx.notify(document(2, ("b", "terminated"), state="partial"))
    assert on_the_phone(exchange), "what is older than what is known does not count"
    await tcp_pbx.notify(document(4, ("b", "terminated"), state="partial"))
    await exchange.until(lambda: not claims(exchange), "Bob to be free")


async def test_a_gap_in_the_versions_makes_us_ask_for_all(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    before = len(proven(tcp_pbx))
    tcp_pbx.now = document(9, ("z", "confirmed"))
    assert (await tcp_pbx.notify(document(5, ("a", "early"), state="partial"))).status == 200
    await exchange.until(lambda: on_the_phone(exchange), "the whole state")
    (refresh,) = proven(tcp_pbx)[before:]
    assert refresh.to.tag and refresh.expires == desk_phones.LASTS


async def test_many_gaps_are_one_question(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    before = len(proven(tcp_pbx))
    for version in (10, 20, 30, 40):
        await tcp_pbx.notify(document(version, ("a", "early"), state="partial"))
    await tcp_pbx.until(lambda: len(proven(tcp_pbx)) == before + 1, "one refresh")
    await tcp_pbx.notify(document(50, ("a", "early"), state="partial"))
    assert len(proven(tcp_pbx)) == before + 1


async def test_no_document_at_all_is_nobody_who_telephones(served, tcp_pbx):
    tcp_pbx.now = b""
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    await tcp_pbx.notify(TALKS)
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    assert (await tcp_pbx.notify(b"")).status == 200
    await exchange.until(lambda: not claims(exchange), "Bob to be free")


async def test_two_lines_of_one_person_are_one_claim(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx, extensions={"4711": str(BOB), "4712": str(BOB)}))
    await watching(exchange, 2)
    one, other = tcp_pbx.dialogs
    await tcp_pbx.notify(TALKS, call_id=one)
    await tcp_pbx.notify(TALKS, call_id=other)
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    assert len(claims(exchange)) == 1
    await tcp_pbx.notify(FREE, call_id=one)
    assert on_the_phone(exchange)
    await tcp_pbx.notify(FREE, call_id=other)
    await exchange.until(lambda: not claims(exchange), "Bob to be free")


async def test_the_directory_and_the_dial_plan_say_whose_line_is_whose(served, tcp_pbx, monkeypatch):
    monkeypatch.setattr(desk_phones, "LOOK_AGAIN_AFTER", 0.05)
    calls = CallOptions(routes=[CallRoute(["4XXX"], ["pbx"], remove=1), CallRoute(["5XXX"], ["pbx"])])
    exchange = await served(calls, pbx=trunk(tcp_pbx, extensions={}, lines=True))
    store = exchange.front_end.store
    await store.put_person(BOB, Person(str(BOB), "Bob", phones=["4711"]))
    await store.put_person(ALICE, Person(str(ALICE), "Alice", phones=["+4930100"]))
    await watching(exchange)
    assert {request.uri for request in proven(tcp_pbx)} == {"sip:711@pbx.test"}
    tcp_pbx.now = TALKS
    await tcp_pbx.notify(TALKS)
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    await store.put_person(BOB, Person(str(BOB), "Bob", phones=[]))
    await store.put_person(ALICE, Person(str(ALICE), "Alice", phones=["5000"]))
    await exchange.until(lambda: on_the_phone(exchange, ALICE), "the line of Alice to be watched")
    assert tcp_pbx.ended and not claims(exchange), "Bob has no line there any more"
    assert health(exchange).lines == 1


async def test_a_line_of_nobody_is_not_watched_and_said(served, tcp_pbx, caplog):
    lines = {"4711": str(BOB), "1": "nobody@example.test", "2": "bob@elsewhere.test"}
    exchange = await served(pbx=trunk(tcp_pbx, extensions=lines))
    await watching(exchange)
    assert "nobody@example.test, who is nobody here" in caplog.text and "bob@elsewhere.test" in caplog.text


async def test_no_more_lines_than_the_limit(served, tcp_pbx, monkeypatch, caplog):
    monkeypatch.setattr(desk_phones, "MAX_LINES", 1)
    exchange = await served(pbx=trunk(tcp_pbx, extensions={"1": str(BOB), "2": str(ALICE)}))
    await watching(exchange)
    assert "more than 1 lines" in caplog.text and len(tcp_pbx.dialogs) == 1


# ---- calls that go through us, too


async def test_a_call_that_we_carry_is_not_counted_twice_and_nothing_flickers(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    seen = exchange.records.seen
    before = len(seen)
    invite = await alice.call(bob.uri)
    ringing = await bob.rung()
    same = document(1, ("a", "confirmed", invite.call_id))
    await tcp_pbx.notify(same)  # the PBX is quicker
    await exchange.until(lambda: on_the_phone(exchange), "the PBX's word")
    bob.answer(ringing, 200)
    answer = await alice.final(invite)
    line = Line(alice, invite, answer, calling=True)
    line.send("ACK")
    await exchange.until(lambda: exchange.front_end.calls.of(BOB)[0].answered_by, "the call")
    await tcp_pbx.notify(document(2, ("a", "confirmed", invite.call_id)))
    await exchange.until(lambda: not claims(exchange), "the call to be ours alone")
    assert on_the_phone(exchange)
    await line.ask("BYE")
    await exchange.until(lambda: not on_the_phone(exchange), "the end")
    await tcp_pbx.notify(document(3, ("a", "confirmed", invite.call_id)))  # the PBX is late
    await tcp_pbx.notify(document(4))
    assert not claims(exchange)
    assert seen[before:] == [Activity.IN_A_CALL, Activity.NONE]


# ---- trouble


async def test_a_granted_time_is_kept_by_refreshing(served, tcp_pbx, monkeypatch):
    monkeypatch.setattr(subscriber, "SHORTEST", 1)
    tcp_pbx.lasts = 1
    exchange = await served(pbx=trunk(tcp_pbx))
    await tcp_pbx.until(lambda: len(proven(tcp_pbx)) >= 3, "two refreshes")
    first, *more = proven(tcp_pbx)
    assert not first.to.tag and all(request.to.tag for request in more) and len(tcp_pbx.dialogs) == 1
    numbers = [request.cseq.number for request in tcp_pbx.asked("SUBSCRIBE")]
    assert numbers == sorted(set(numbers)) and health(exchange).lines_failing == 0


async def test_too_short_is_made_longer(served, tcp_pbx):
    tcp_pbx.statuses = [(423, [("Min-Expires", 1800)])]
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    assert proven(tcp_pbx)[-1].expires == 1800


async def test_a_forgotten_subscription_is_begun_anew(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    old = tcp_pbx.latest
    tcp_pbx.statuses = [(481, [])]
    tcp_pbx.now = TALKS
    await tcp_pbx.notify(document(50, ("a", "early"), state="partial"))  # makes us ask
    await exchange.until(lambda: on_the_phone(exchange), "the new subscription")
    assert tcp_pbx.latest != old
    assert (await tcp_pbx.notify(FREE, call_id=old)).status == 481 and on_the_phone(exchange)


@pytest.mark.parametrize("status", [403, 404, 489, 603])
async def test_who_says_no_is_left_alone_and_it_is_said_why(served, tcp_pbx, status):
    tcp_pbx.statuses = [(status, [])] * 5
    exchange = await served(pbx=trunk(tcp_pbx))
    await exchange.until(lambda: health(exchange).why, "a reason")
    assert health(exchange).why.startswith(f"line 4711: answered {status}") and health(exchange).lines_failing == 1
    await asyncio.sleep(0.2)  # ten times the pause after which whoever may change their mind is asked again
    assert len(proven(tcp_pbx)) == 1


async def test_whoever_is_busy_is_asked_again(served, tcp_pbx):
    tcp_pbx.statuses = [(500, []), (503, [("Retry-After", "0")]), (480, [])]
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    assert len(proven(tcp_pbx)) == 4


async def test_a_wrong_password_is_not_tried_for_ever_and_is_not_written_down(served, tcp_pbx, caplog):
    exchange = await served(pbx=trunk(tcp_pbx, password="wr0ng"))
    await exchange.until(lambda: health(exchange).why, "a reason")
    assert "is the password right?" in health(exchange).why
    assert len(tcp_pbx.asked("SUBSCRIBE")) == 2 and "wr0ng" not in caplog.text


async def test_a_subscription_that_never_notifies_is_none(served, tcp_pbx, monkeypatch):
    monkeypatch.setattr(subscriber, "NOTIFIED_WITHIN", 0.05)
    tcp_pbx.notifies = False
    exchange = await served(pbx=trunk(tcp_pbx))
    await exchange.until(lambda: "never notified" in health(exchange).why, "a reason")
    tcp_pbx.notifies = True
    await watching(exchange)


async def test_what_a_pbx_ends_is_begun_anew_or_left_as_it_says(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    assert (await tcp_pbx.notify(FREE, "terminated;reason=deactivated")).status == 200
    await exchange.until(lambda: len(tcp_pbx.dialogs) == 2, "a new subscription")
    await watching(exchange)
    await tcp_pbx.notify(FREE, "terminated;reason=rejected")
    await exchange.until(lambda: "rejected" in health(exchange).why, "a reason")
    await asyncio.sleep(0.2)
    assert len(tcp_pbx.dialogs) == 2, "it said no"


async def test_nothing_stays_coloured_when_the_pbx_is_gone(served, tcp_pbx, monkeypatch):
    monkeypatch.setattr(desk_phone, "LOST_GRACE", 0.3)
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    await tcp_pbx.notify(TALKS)
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    for flow in list(tcp_pbx.server.flows):
        flow.close("the PBX fell over")
    await tcp_pbx.server.close()
    await exchange.until(lambda: not on_the_phone(exchange), "the lease to end")
    assert not claims(exchange) and health(exchange).lines_failing == 1
    tcp_pbx.now = TALKS
    async with tcp_pbx.serving("tcp"):
        await exchange.until(lambda: on_the_phone(exchange), "the PBX to be back")
        await watching(exchange)
        assert (health(exchange).state, health(exchange).why) == ("up", "")


async def test_a_connection_that_breaks_for_a_moment_is_no_change(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    tcp_pbx.now = TALKS
    await tcp_pbx.notify(TALKS)
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    before = len(proven(tcp_pbx))
    for flow in list(tcp_pbx.server.flows):
        flow.close("a cable was pulled")
    await tcp_pbx.until(lambda: len(proven(tcp_pbx)) > before, "the subscription to be looked after")
    await watching(exchange)
    assert on_the_phone(exchange) and len(tcp_pbx.dialogs) == 1, "the same subscription, over another connection"


async def test_a_pbx_that_does_not_answer_options_has_its_lines_looked_after(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx, ping=3600))
    await watching(exchange)
    telephony = exchange.sip.services.telephony
    before = len(proven(tcp_pbx))
    telephony.trunks.noted(telephony.trunks.all["pbx"], 0, "does not answer")
    await tcp_pbx.until(lambda: len(proven(tcp_pbx)) == before + 1, "a refresh")


async def test_a_mistake_of_ours_is_logged_and_shown_and_harms_no_other_line(served, tcp_pbx, monkeypatch, caplog):
    first = subscriber.Subscriber._first

    def broken(self):
        if self._wish.resource.user == "4711":
            raise RuntimeError("broken")
        return first(self)

    monkeypatch.setattr(subscriber.Subscriber, "_first", broken)
    exchange = await served(pbx=trunk(tcp_pbx, extensions={"4711": str(BOB), "4712": str(ALICE)}))
    await exchange.until(lambda: (health(exchange).lines, health(exchange).lines_failing) == (2, 1), "one line")
    assert "a mistake of this server" in health(exchange).why and "RuntimeError: broken" in caplog.text


async def test_we_say_goodbye(tcp_pbx, tmp_path):
    options = SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, trunks={"pbx": trunk(tcp_pbx)})
    sip = SipTransport(options)
    async with front_end_in(tmp_path):
        pass
    async with front_end_in(tmp_path, sip) as front_end:
        exchange = Exchange(front_end, sip, Records())
        await watching(exchange)
    assert tcp_pbx.ended == [tcp_pbx.latest]


# ---- what must not be believed


async def test_what_is_no_document_is_refused_and_harms_nobody(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    await tcp_pbx.notify(TALKS)
    assert (await tcp_pbx.notify(b"<dialog-info")).status == 400
    assert (await tcp_pbx.notify(b"hello", kind="text/plain")).status == 415
    assert (await tcp_pbx.notify(FREE, event="presence")).status == 489
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")


async def test_a_notify_with_another_tag_or_of_nobody_is_refused(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    dialog, _ = tcp_pbx.dialogs[tcp_pbx.latest]
    dialog.local = dialog.local._replace(params=dialog.local.params.with_("tag", "another"))
    dialog._lines = ()
    assert (await tcp_pbx.notify(TALKS)).status == 481
    dialog.remote = dialog.remote._replace(params=dialog.remote.params.with_("tag", "nobodys"))
    dialog._lines = ()
    assert (await tcp_pbx.notify(TALKS)).status == 481
    assert not claims(exchange)


async def test_a_pbx_that_notifies_by_a_connection_of_its_own_is_believed_and_others_are_not(served, tcp_pbx):
    exchange = await served(pbx=trunk(tcp_pbx))
    await watching(exchange)
    own = await tcp_pbx._outgoing.flow(NextHop("127.0.0.1", exchange.sip.ports["tcp"], "TCP", "127.0.0.1"))
    assert (await tcp_pbx.notify(TALKS, flow=own)).status == 200
    await exchange.until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    (watched,) = exchange.sip.services.telephony.desk_phones._trunk_of
    watched.flow.remote = watched.flow.remote._replace(host="192.0.2.1")  # as if the PBX was elsewhere
    assert (await tcp_pbx.notify(FREE, flow=own)).status == 481
    assert on_the_phone(exchange)


# ---- what an administrator writes


@pytest.mark.parametrize(
    ("extensions", "wrong"),
    [
        ({"": "bob@example.test"}, "cannot stand before the @"),
        ({"47 11": "bob@example.test"}, "cannot stand before the @"),
        ({"a@b": "bob@example.test"}, "cannot stand before the @"),
        ({"4" * 65: "bob@example.test"}, "cannot stand before the @"),
        ({"4711": ""}, "nobody"),
        ({"4711": "bob"}, "extensions: "),
    ],
)
def test_mistakes_in_the_table_of_lines_are_found(extensions, wrong):
    with pytest.raises(ValueError, match=wrong):
        TrunkOptions(hops=["sip:pbx.test"], extensions=extensions)


def test_a_table_of_lines_stands_in_the_configuration(tmp_path):
    text = '[sip.trunks.pbx]\nhops = ["sip:pbx.test"]\nextensions = { "4711" = "a@c.test", "fax" = "b@c.test" }\n'
    options, mistakes = checked(SipOptions, Table("sip", 1, tomllib.loads(text)["sip"]), tmp_path)
    assert not mistakes and options.trunks["pbx"].extensions["fax"] == "b@c.test"
    assert options.trunks["pbx"].watches_lines
