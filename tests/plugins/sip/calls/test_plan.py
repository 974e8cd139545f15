"""Where a call goes: access, presence, forwarding, numbers, ways out, emergencies; and that all of it is explained."""

from itertools import pairwise

import msgspec
import pytest

from .....core.access import AccessLevel
from .....core.errors import NotFound
from .....core.forwarding import Forwarding, keep_forwarding
from .....core.hooks import hookimpl
from .....core.identity import Endpoint, Identity
from .....core.people import Person
from .....core.presence import Availability, Publication, Source
from .....plugins.sip.calls.diversion import MAX_FORWARDS_OF_A_CALL
from .....plugins.sip.calls.plan import ANY, CallPlan, Outcome, outcome_of
from .....plugins.sip.calls.settings import CallOptions, CallRoute, NumberRule, TrunkOptions
from .....plugins.sip.calls.trunks import TrunkPeer
from .....plugins.sip.errors import Refusal
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.syntax.message import Request
from ....people import ALICE, BOB, CAROL, DAVE, NOON
from ....stage import front_end_in, sit

TRUNKS = {
    "pbx": TrunkOptions(hops=["sip:one.pbx.test", "sip:two.pbx.test"], domain="pbx.test"),
    "mobile": TrunkOptions(hops=["sip:mobile.test"], username="4930555", password="x"),
    "open": TrunkOptions(hops=["sip:open.test"], transit=True),
}
OPTIONS = CallOptions(
    outside_calls="people",
    ring_for=60,
    emergency=["112", "110"],
    emergency_trunks=["pbx", "mobile"],
    groups={"sales": ["alice@example.test"]},
    rules=[NumberRule("00Z*", 2, "+"), NumberRule("0Z.", 1, "+49"), NumberRule("[1-9]XXX", 0, "+4930555")],
    routes=[
        CallRoute(["+4917*"], ["mobile", "pbx"], remove=3, add="0"),
        CallRoute(["+1*"], ["pbx"], allow=["sales", "dave@example.test"]),
        CallRoute(["+49*", "#X"], ["pbx"]),
    ],
)
INTIMATES = {(CAROL, BOB): AccessLevel.PERSONAL, (DAVE, BOB): AccessLevel.WORKGROUP}


SCHEMES = ("sip", "sips", "tel", "urn", "mailto", "http")


class Levels:
    @hookimpl
    def access(self, watcher, presentity):
        return INTIMATES.get((watcher, presentity))


class Stage:
    """A plan, and who has a phone signed in."""

    def __init__(self, front_end):
        self.front_end = front_end
        self.phones = {ALICE, BOB, CAROL, DAVE}
        self.down = set()
        self.full = set()
        self.options = OPTIONS

    @property
    def plan(self):
        return CallPlan(
            self.front_end,
            self.options,
            TRUNKS,
            rings=self.phones.__contains__,
            resolve=lambda uri: Endpoint(BOB, uri.params["gr"]) if "gr" in uri.params else None,
            foreign=lambda domain: domain == "friends.test",
            up=lambda trunk, place: (trunk, place) not in self.down,
            room=lambda trunk: trunk not in self.full,
        )

    async def stages(self, to, caller=ALICE, trunk="", **headers):
        uri = to if to.partition(":")[0] in SCHEMES else f"sip:{to}"
        request = Request("INVITE", uri, [("From", "<sip:x@y>;tag=1"), ("To", headers.pop("called", f"<{uri}>"))])
        for name, value in headers.items():
            request.set(name.replace("_", "-"), value)
        peer = TrunkPeer(trunk, False, self.front_end.ours) if trunk else None
        return list(await self.plan.stages(request, caller, peer))

    async def way(self, to, caller=ALICE, trunk="", **headers):
        """Each stage as text: who rings, how long, after what."""
        shown = []
        for stage in await self.stages(to, caller, trunk, **headers):
            rings = [
                f"{t.uri.user}@{t.trunk}{t.place or ''}" if t.trunk else t.who.user if t.who else str(t.uri)
                for t in stage.targets
            ]
            after = "" if stage.after == ANY else f" after {', '.join(sorted(stage.after))}"
            shown.append(f"{'+'.join(rings)} {stage.ring_for:g}{after}{' emergency' if stage.emergency else ''}")
        return shown

    async def refused(self, to, caller=ALICE, trunk="", **headers):
        with pytest.raises(Refusal) as caught:
            await self.stages(to, caller, trunk, **headers)
        return caught.value.status, caught.value.reason

    async def wants(self, who, **wanted):
        await keep_forwarding(self.front_end.store, who, Forwarding(**wanted))

    async def phones_of(self, who, *phones):
        await self.front_end.store.put_person(who, Person(str(who), who.user, phones=list(phones)))

    async def shows(self, who, availability):
        sit(self.front_end, who)
        claim = Publication("sip/desk", Source.MACHINE, availability, NOON, instance="desk")
        await self.front_end.presence.publish(who, claim)


@pytest.fixture
async def stage(tmp_path):
    async with front_end_in(tmp_path, Levels()) as front_end:
        yield Stage(front_end)


# ---- people


async def test_a_person_rings(stage):
    assert await stage.way("bob@example.test") == ["bob 60"]


async def test_who_has_no_phone_is_called_all_the_same_and_misses_it(stage):
    stage.phones.clear()
    assert await stage.way("bob@example.test") == ["bob 60"]


@pytest.mark.parametrize("uri", ["nobody@example.test", "bob@elsewhere.test", "example.test", "a%20b@example.test"])
async def test_who_is_nobody_is_not_found(stage, uri):
    assert (await stage.refused(uri))[0] == 404


async def test_calls_go_to_domains_that_may_be_called(stage):
    assert await stage.way("x@friends.test") == ["sip:x@friends.test 60"]


@pytest.mark.parametrize(("uri", "status"), [("mailto:bob@example.test", 416), ("http://x", 416)])
async def test_addresses_that_nobody_calls(stage, uri, status):
    assert (await stage.refused(uri))[0] == status


async def test_who_blocks_the_caller_is_as_absent_whatever_they_want_done(stage):
    await stage.wants(BOB, always="carol@example.test", offline="+49301")
    await stage.front_end.contacts.block(BOB, ALICE)
    blocked = await stage.refused("bob@example.test")
    assert blocked == (480, "not to be reached now")
    assert await stage.refused("bob@example.test;gr=x") == blocked
    assert await stage.way("bob@example.test", CAROL) == ["carol 60"]


async def test_a_gruu_is_one_endpoint_and_nothing_is_forwarded(stage):
    await stage.wants(BOB, always="carol@example.test")
    (only,) = await stage.stages("bob@example.test;gr=urn:uuid:1")
    assert only.targets[0].instance == "urn:uuid:1" and only.targets[0].who == BOB


# ---- presence


@pytest.mark.parametrize(("caller", "rings"), [(ALICE, False), (CAROL, True), (DAVE, True), (BOB, True)])
async def test_do_not_disturb_lets_the_nearest_through(stage, caller, rings):
    await stage.shows(BOB, Availability.DO_NOT_DISTURB)
    if rings:
        assert await stage.way("bob@example.test", caller) == ["bob 60"]
    else:
        assert (await stage.refused("bob@example.test", caller))[0] == 480


async def test_only_who_may_see_it_is_told_of_do_not_disturb(stage):
    await stage.shows(BOB, Availability.DO_NOT_DISTURB)
    assert await stage.refused("bob@example.test") == (480, "not to be reached now")
    await stage.front_end.contacts.grant(BOB, ALICE)
    await stage.front_end.contacts.ask(ALICE, BOB)
    assert await stage.refused("bob@example.test") == (480, "Do not disturb")


async def test_do_not_disturb_forwards_where_that_is_wanted(stage):
    await stage.shows(BOB, Availability.DO_NOT_DISTURB)
    await stage.wants(BOB, offline="carol@example.test")
    assert await stage.way("bob@example.test") == ["carol 60"]


# ---- forwarding


async def test_always(stage):
    await stage.wants(BOB, always="carol@example.test", also=["+491701"])
    assert await stage.way("bob@example.test") == ["carol 60"]


async def test_busy_unanswered_and_offline_each_have_their_stage(stage):
    await stage.wants(BOB, busy="carol@example.test", unanswered="dave@example.test", offline="+49301", ring_for=15)
    assert await stage.way("bob@example.test") == [
        "bob 15",
        "carol 60 after busy",
        "dave 60 after not answered",
        "+49301@pbx 60 after not reached",
    ]


async def test_one_place_for_several_reasons_is_one_stage(stage):
    await stage.wants(BOB, busy="carol@example.test", unanswered="carol@example.test")
    assert await stage.way("bob@example.test") == ["bob 20", "carol 60 after busy, not answered"]


async def test_offline(stage):
    stage.phones.discard(BOB)
    await stage.wants(BOB, offline="017012")
    assert await stage.way("bob@example.test") == ["017012@mobile 60"]


async def test_what_rings_along(stage):
    await stage.wants(BOB, also=["+4917012", "carol@example.test", "4711", "+999"])
    await stage.phones_of(DAVE, "4711")
    assert await stage.way("bob@example.test") == ["bob+017012@mobile+carol+dave 60"]
    stage.phones.discard(BOB)
    assert await stage.way("bob@example.test") == ["bob+017012@mobile+carol+dave 60"]


async def test_who_blocks_the_caller_does_not_ring_along(stage):
    await stage.wants(BOB, also=["carol@example.test"])
    await stage.front_end.contacts.block(CAROL, ALICE)
    assert await stage.way("bob@example.test") == ["bob 60"]


async def test_a_forwarding_that_cannot_be_is_left_out(stage):
    await stage.wants(BOB, busy="nobody@example.test", unanswered="+999", offline="+4930")
    assert await stage.way("bob@example.test") == ["bob 20", "+4930@pbx 60 after not reached"]


async def test_a_circle_ends(stage):
    await stage.wants(ALICE, always="bob@example.test")
    await stage.wants(BOB, always="alice@example.test")
    assert (await stage.refused("bob@example.test", CAROL)) == (480, "not to be reached now")


async def test_a_long_chain_ends_where_it_has_come_to(stage):
    people = [Identity(f"p{n}", "example.test") for n in range(MAX_FORWARDS_OF_A_CALL + 3)]
    for who, after in pairwise(people):
        await stage.front_end.store.put_person(who, Person(str(who)))
        await stage.wants(who, always=str(after))
    await stage.front_end.store.put_person(people[-1], Person(str(people[-1])))
    (only,) = await stage.stages("p0@example.test")
    assert only.targets[0].who == people[MAX_FORWARDS_OF_A_CALL]


@pytest.mark.parametrize(
    "headers",
    [
        {"Diversion": "<sip:x@y>;reason=user-busy;counter=5"},
        {"Diversion": ", ".join(["<sip:x@y>;reason=user-busy"] * 5)},
        {"History_Info": ", ".join(f"<sip:x{n}@y>;index=1{'.1' * n};mp=1" for n in range(5))},
    ],
)
async def test_what_was_forwarded_elsewhere_counts(stage, headers):
    await stage.wants(BOB, always="carol@example.test")
    assert await stage.way("bob@example.test", **headers) == ["bob 60"]


async def test_nobody_forwards_to_what_they_may_not_call(stage):
    await stage.wants(BOB, always="+12125551212")
    assert (await stage.refused("bob@example.test", ALICE))[0] == 403
    await stage.wants(DAVE, always="+12125551212")
    assert await stage.way("dave@example.test", BOB) == ["+12125551212@pbx 60"]


async def test_a_forwarded_call_tells_its_way(stage):
    await stage.wants(BOB, always="carol@example.test")
    await stage.wants(CAROL, always="+4930123")
    (only,) = await stage.stages("bob@example.test")
    told = dict(only.targets[0].headers)
    entries = [NameAddr.parse(text) for text in Request("X", "sip:x", only.targets[0].headers).all("History-Info")]
    assert [entry.params["index"] for entry in entries] == ["1", "1.1", "1.1.1"]
    assert [entry.params.get("mp") for entry in entries] == [None, "1", "1.1"]
    assert [str(entry.uri).partition(";")[0] for entry in entries] == [
        "sip:bob@example.test",
        "sip:carol@example.test",
        "sip:+4930123@pbx.test",
    ]
    assert entries[1].uri.params["cause"] == "302"
    assert told["Diversion"] == (
        "<sip:carol@example.test>;reason=unconditional;counter=1, <sip:bob@example.test>;reason=unconditional;counter=1"
    )


@pytest.mark.parametrize("privacy", ["history", "id;header", "header"])
async def test_unless_the_caller_does_not_want_that(stage, privacy):
    await stage.wants(BOB, always="carol@example.test")
    (only,) = await stage.stages("bob@example.test", Privacy=privacy)
    assert only.targets[0].headers == ()


# ---- numbers


@pytest.mark.parametrize(
    "uri", ["sip:4711@example.test", "sip:+49-30-555-4711@example.test;user=phone", "tel:+49305554711", "tel:4711"]
)
async def test_a_number_finds_its_person(stage, uri):
    await stage.phones_of(BOB, "+49 (0)30 555-4711")
    assert await stage.way(uri) == ["bob 60"]


async def test_a_number_that_moves_finds_its_new_person_at_once(stage):
    await stage.phones_of(BOB, "4711")
    assert await stage.way("4711@example.test") == ["bob 60"]
    await stage.phones_of(BOB)
    await stage.phones_of(CAROL, "4711")
    assert await stage.way("4711@example.test") == ["carol 60"]


async def test_an_account_with_a_number_for_a_name_comes_first(stage):
    who = Identity("4711", "example.test")
    await stage.front_end.store.put_person(who, Person(str(who)))
    await stage.phones_of(BOB, "4711")
    assert await stage.way("4711@example.test") == ["4711 60"]


async def test_numbers_of_other_contexts_are_not_ours(stage):
    assert (await stage.refused("tel:4711;phone-context=other.test"))[0] == 404


# ---- ways out


@pytest.mark.parametrize(
    ("number", "way"),
    [
        ("0301234", ["+49301234@pbx 60", "+49301234@pbx1 60 after not reached"]),
        (
            "0170123",
            ["0170123@mobile 60", "0170123@pbx 60 after not reached", "0170123@pbx1 60 after not reached"],
        ),
        ("#1", ["#1@pbx 60", "#1@pbx1 60 after not reached"]),
    ],
)
async def test_the_first_route_that_fits(stage, number, way):
    assert await stage.way(f"tel:{number.replace('#', '%23')}") == way


async def test_a_number_with_an_extension(stage):
    (first, _) = await stage.stages("tel:+4930123;ext=12")
    assert str(first.targets[0].uri) == "sip:+4930123;ext=12@pbx.test;user=phone"


async def test_hops_that_seem_down_come_last(stage):
    stage.down = {("pbx", 0)}
    assert await stage.way("tel:+49301") == ["+49301@pbx1 60", "+49301@pbx 60 after not reached"]


async def test_who_may_call_where(stage):
    assert await stage.way("tel:+12125551212", ALICE) and await stage.way("tel:+12125551212", DAVE)
    assert await stage.refused("tel:+12125551212", BOB) == (403, "you may not call +12125551212")
    assert (await stage.refused("tel:+4412345"))[0] == 404
    assert (await stage.refused("tel:+49301", Identity("x", "friends.test")))[0] == 403
    assert (await stage.refused("tel:+49301", None))[0] == 403


async def test_nobody_calls_outside_unless_that_is_configured(stage):
    stage.options = msgspec.structs.replace(OPTIONS, outside_calls="nobody")
    assert await stage.refused("tel:+49301") == (403, "calls to the outside are switched off")
    await stage.wants(BOB, always="+49301")
    assert (await stage.refused("bob@example.test"))[0] == 403
    stage.options = CallOptions()
    assert (await stage.refused("tel:+49301"))[0] == 403


# ---- calls that come in by a trunk

OUTSIDER = Identity("+4989123", "pbx.test")


async def test_a_trunk_calls_people_and_their_numbers_wherever_it_thinks_they_are(stage):
    await stage.phones_of(BOB, "+49305554711")
    for uri in ("bob@example.test", "+49305554711@192.0.2.1", "4711@192.0.2.1", "tel:+49305554711"):
        assert await stage.way(uri, OUTSIDER, "pbx") == ["bob 60"], uri


async def test_a_trunk_does_not_leave_by_a_trunk(stage):
    for number in ("+49301", "0170123", "+12125551212", "#1"):
        for trunk in ("pbx", "mobile"):
            assert (await stage.refused(f"{number.replace('#', '%23')}@192.0.2.1", OUTSIDER, trunk))[0] == 404
            assert (await stage.refused(f"{number.replace('#', '%23')}@192.0.2.1", None, trunk))[0] == 404


async def test_a_trunk_is_nobody_of_ours(stage):
    who = Identity("+4930100", "example.test")
    await stage.front_end.store.put_person(who, Person(str(who)))
    for caller in (ALICE, who):
        assert (await stage.refused("bob@example.test", caller, "pbx"))[0] == 403
    assert (await stage.way("112@x", who, "pbx"))[0].endswith("emergency")


async def test_unless_it_is_one_that_others_pass_through(stage):
    assert await stage.way("+49301@192.0.2.1", OUTSIDER, "open") == [
        "+49301@pbx 60",
        "+49301@pbx1 60 after not reached",
    ]
    assert (await stage.refused("+12125551212@192.0.2.1", OUTSIDER, "open"))[0] == 403


async def test_a_person_may_have_their_calls_from_outside_forwarded_outside(stage):
    await stage.wants(BOB, always="+4917012")
    assert await stage.way("bob@example.test", OUTSIDER, "pbx") == ["017012@mobile 60"]


async def test_a_call_to_the_contact_we_registered_is_for_whom_to_names(stage):
    await stage.phones_of(BOB, "+4930555")
    await stage.phones_of(CAROL, "+493099")
    assert await stage.way("4930555@192.0.2.1", OUTSIDER, "mobile", called="<sip:+493099@mobile.test>") == ["carol 60"]


async def test_a_trunk_with_all_the_calls_it_may_have(stage):
    stage.full = {"pbx"}
    assert (await stage.refused("bob@example.test", OUTSIDER, "pbx"))[0] == 486
    assert (await stage.way("112@x", OUTSIDER, "pbx"))[0].startswith("112@pbx")


# ---- emergencies

EMERGENCY = [
    "112@pbx 60 after busy, declined, not answered, not reached emergency",
    "112@pbx1 60 after busy, declined, not answered, not reached emergency",
    "112@mobile 60 after busy, declined, not answered, not reached emergency",
]


@pytest.mark.parametrize(
    "uri",
    ["tel:112", "sip:112@example.test", "sips:112@EXAMPLE.test;user=phone", "urn:service:sos", "urn:service:sos.fire"],
)
@pytest.mark.parametrize("caller", [ALICE, Identity("x", "friends.test"), None])
async def test_emergencies_come_first_for_everybody(stage, uri, caller):
    stage.options = msgspec.structs.replace(
        OPTIONS, outside_calls="nobody", rules=[NumberRule("112", 3, "+491")], routes=[]
    )
    await stage.phones_of(BOB, "112")
    await stage.wants(BOB, always="carol@example.test")
    assert await stage.way(uri, caller) == EMERGENCY


async def test_what_is_no_emergency(stage):
    for uri in ("sip:112@elsewhere.test", "sip:1122@example.test", "urn:service:counseling", "urn:service:sosx"):
        with pytest.raises(Refusal):
            await stage.stages(uri, Identity("x", "friends.test"))


async def test_without_emergency_numbers_nothing_is_one(stage):
    stage.options = msgspec.structs.replace(OPTIONS, emergency=[], emergency_trunks=[])
    assert (await stage.refused("urn:service:sos"))[0] == 404


async def test_somebody_here_answers_first_if_they_have_a_phone(stage):
    stage.options = msgspec.structs.replace(OPTIONS, emergency_answering="carol@example.test")
    await stage.front_end.contacts.block(CAROL, ALICE)
    await stage.shows(CAROL, Availability.DO_NOT_DISTURB)
    assert [line.split()[0] for line in await stage.way("tel:110")] == ["carol", "110@pbx", "110@pbx1", "110@mobile"]
    stage.phones.discard(CAROL)
    assert [line.split()[0] for line in await stage.way("tel:110")] == ["110@pbx", "110@pbx1", "110@mobile"]
    stage.options = msgspec.structs.replace(stage.options, emergency_trunks=[])
    assert [line.split()[0] for line in await stage.way("tel:110")] == ["carol"]


# ---- explained


async def test_a_plan_is_explained(stage):
    await stage.phones_of(BOB, "4711")
    await stage.wants(BOB, unanswered="0170123", busy="nobody@example.test", also=["carol@example.test"])
    steps = await stage.plan.explain(ALICE, "4711")
    assert [step.why for step in steps if not step.stage] == [
        "4711 means +49305554711",
        "+49305554711 is a number of bob@example.test",
        "alice@example.test has the access level stranger with bob@example.test",
        "bob@example.test is offline",
        "bob@example.test forwards to nobody@example.test: user-busy",
        "nobody@example.test is nobody here",
        "bob@example.test forwards to nobody@example.test, which cannot be: not to be reached now",
        "bob@example.test forwards to 0170123: no-answer",
    ]
    assert [(s.stage, s.rings, s.seconds, s.after) for s in steps if s.stage] == [
        (1, "bob@example.test, carol@example.test", 20, ["busy", "not answered", "not reached"]),
        (2, "+49170123 by mobile", 60, ["not answered"]),
    ]


async def test_a_refusal_is_explained(stage):
    assert (await stage.plan.explain(BOB, "+12125551212"))[-1].why == (
        "the call is refused: you may not call +12125551212"
    )
    await stage.front_end.contacts.block(CAROL, BOB)
    why = [step.why for step in await stage.plan.explain(BOB, "carol")]
    assert "carol@example.test blocks the caller, and looks absent" in why


async def test_what_nobody_can_call_is_not_explained(stage):
    for callee in ("a b", "sip:", ""):
        with pytest.raises(NotFound):
            await stage.plan.explain(ALICE, callee)


# ---- outcomes


@pytest.mark.parametrize(
    ("status", "rang", "outcome"),
    [
        (486, True, Outcome.BUSY),
        (600, False, Outcome.BUSY),
        (408, True, Outcome.UNANSWERED),
        (408, False, Outcome.UNREACHABLE),
        (487, True, Outcome.UNANSWERED),
        (480, False, Outcome.UNREACHABLE),
        (503, False, Outcome.UNREACHABLE),
        (603, True, Outcome.DECLINED),
        (488, False, Outcome.DECLINED),
    ],
)
def test_what_a_response_means_for_the_next_stage(status, rang, outcome):
    assert outcome_of(status, rang=rang) is outcome
