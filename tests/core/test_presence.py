"""Many claims, one truth: the rules of aggregate(), one scene each, and properties that hold for all inputs."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ...core.access import AccessLevel, rendered
from ...core.message import Native
from ...core.presence import Activity, Availability, Device, PresenceDocument, Publication, Source, aggregate
from ..people import ALICE, NOON

HOUR = timedelta(hours=1)


def claim(owner="xmpp/desk", source=Source.MACHINE, availability=Availability.AVAILABLE, **more):
    more.setdefault("since", NOON)
    more.setdefault("instance", owner.partition("/")[2])
    return Publication(owner, source, availability, **more)


def document_of(*claims, now=NOON):
    return aggregate(ALICE, claims, now)[0]


def test_nobody_signed_in_is_offline():
    assert document_of() == PresenceDocument(ALICE)


def test_one_endpoint_says_it_all():
    document = document_of(claim(availability=Availability.AWAY, note="lunch"))
    assert (document.availability, document.note) == (Availability.AWAY, "lunch")


def test_the_most_available_endpoint_wins():
    assert (
        document_of(claim("a/1", availability=Availability.AWAY), claim("b/2")).availability is Availability.AVAILABLE
    )


def test_an_idle_endpoint_yields_to_one_in_use():
    idle = claim("a/1", idle_since=NOON - HOUR)
    document = document_of(idle, claim("b/2", availability=Availability.BUSY))
    assert (document.availability, document.idle) == (Availability.BUSY, False)


def test_all_endpoints_idle_makes_the_person_idle():
    assert document_of(claim(idle_since=NOON - HOUR)).idle


def test_do_not_disturb_on_one_endpoint_holds_for_all():
    quiet = claim("a/1", availability=Availability.DO_NOT_DISTURB)
    assert document_of(quiet, claim("b/2")).availability is Availability.DO_NOT_DISTURB


def test_a_call_makes_somebody_available_busy():
    call = claim("sip/call", Source.PHONE, Availability.BUSY, activity=Activity.IN_A_CALL)
    document = document_of(claim(), call)
    assert (document.availability, document.activity) == (Availability.BUSY, Activity.IN_A_CALL)


def test_a_call_brings_back_somebody_away():
    call = claim("sip/call", Source.PHONE, Availability.BUSY, activity=Activity.IN_A_CALL)
    assert document_of(claim(availability=Availability.AWAY), call).availability is Availability.BUSY


def test_a_call_does_not_open_do_not_disturb():
    call = claim("sip/call", Source.PHONE, Availability.BUSY, activity=Activity.IN_A_CALL)
    document = document_of(claim(availability=Availability.DO_NOT_DISTURB), call)
    assert document.availability is Availability.DO_NOT_DISTURB


def test_a_call_outranks_a_meeting():
    call = claim("sip/call", Source.PHONE, Availability.BUSY, activity=Activity.IN_A_CALL)
    meeting = claim("calendar", Source.CALENDAR, Availability.BUSY, activity=Activity.IN_A_MEETING)
    assert document_of(claim(), meeting, call).activity is Activity.IN_A_CALL


def test_a_meeting_without_an_endpoint_is_still_offline():
    meeting = claim("calendar", Source.CALENDAR, Availability.BUSY, activity=Activity.IN_A_MEETING)
    assert document_of(meeting).availability is Availability.OFFLINE


def test_a_phone_in_use_counts_as_being_there():
    call = claim("sip/call", Source.PHONE, Availability.BUSY, activity=Activity.IN_A_CALL)
    assert document_of(call).availability is Availability.BUSY


def test_the_persons_own_choice_decides():
    own = claim("user", Source.USER, Availability.BE_RIGHT_BACK, note="coffee")
    call = claim("sip/call", Source.PHONE, Availability.BUSY, activity=Activity.IN_A_CALL)
    document = document_of(claim(), call, own)
    assert (document.availability, document.activity, document.note) == (
        Availability.BE_RIGHT_BACK, Activity.NONE, "coffee")  # fmt: skip


def test_appearing_offline_hides_the_devices():
    document = document_of(claim(), claim("user", Source.USER, Availability.OFFLINE))
    assert document.availability is Availability.OFFLINE
    assert document.devices == ()


def test_a_claim_past_its_time_reveals_what_lies_below():
    call = claim("sip/call", Source.PHONE, Availability.BUSY, activity=Activity.IN_A_CALL, expires=NOON + HOUR)
    assert document_of(claim(), call, now=NOON + 2 * HOUR).availability is Availability.AVAILABLE


def test_every_claim_is_explained_once():
    claims = [claim("a/1"), claim("b/2", availability=Availability.AWAY), claim("c/3", expires=NOON - HOUR)]
    _, reasons = aggregate(ALICE, claims, NOON)
    assert sorted(r.owner for r in reasons) == ["a/1", "b/2", "c/3"]
    assert {r.owner: r.outcome for r in reasons}["c/3"] == "expired"
    assert {r.owner: r.outcome for r in reasons}["a/1"].startswith("decides")


CLAIMS = st.builds(
    Publication,
    owner=st.text(min_size=1, max_size=8),
    source=st.sampled_from(Source),
    availability=st.sampled_from(Availability),
    since=st.datetimes(NOON.replace(tzinfo=None) - HOUR, NOON.replace(tzinfo=None)).map(
        lambda t: t.replace(tzinfo=NOON.tzinfo)
    ),
    expires=st.sampled_from([None, NOON + HOUR, NOON - HOUR]),
    activity=st.sampled_from(Activity),
    note=st.text(max_size=5),
    idle_since=st.sampled_from([None, NOON]),
    instance=st.sampled_from(["a", "b", "c"]),
)


@given(st.lists(CLAIMS, max_size=6, unique_by=lambda p: p.owner))
def test_aggregation_is_total_explained_and_never_shows_the_expired(claims):
    document, reasons = aggregate(ALICE, claims, NOON)
    assert sorted(r.owner for r in reasons) == sorted(p.owner for p in claims)
    live = [p for p in claims if p.expires is None or p.expires > NOON]
    assert document.note in {"", *(p.note for p in live)}
    if not any(p.source in (Source.MACHINE, Source.PHONE) for p in live):
        assert not document.availability.here
    if not document.availability.here:
        assert document.devices == () and document.note == ""


@given(st.lists(CLAIMS, max_size=6, unique_by=lambda p: p.owner), st.randoms())
def test_the_order_of_claims_makes_no_difference_to_availability(claims, random):
    shuffled = random.sample(claims, len(claims))
    assert document_of(*claims).availability == document_of(*shuffled).availability


DESK = Device("desk", Availability.BUSY, Activity.IN_A_MEETING, "room 4", 1, NOON, Native("xmpp", b"<status/>"))
WHOLE = PresenceDocument(
    ALICE, Availability.BUSY, Activity.IN_A_MEETING, "room 4", since=NOON, last_seen=NOON,
    devices=(DESK,),
)  # fmt: skip


def test_hidden_is_the_same_as_offline():
    assert rendered(WHOLE, AccessLevel.BLOCKED) == rendered(WHOLE, AccessLevel.STRANGER) == PresenceDocument(ALICE)


def test_external_contacts_see_the_availability_alone():
    seen = rendered(WHOLE, AccessLevel.EXTERNAL)
    assert seen.availability is Availability.BUSY
    assert "room 4" not in repr(seen) and "status" not in repr(seen) and "meeting" not in repr(seen)


def test_colleagues_see_everything():
    assert rendered(WHOLE, AccessLevel.COLLEAGUES) == WHOLE
