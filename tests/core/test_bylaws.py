"""Who may do what to whom in a conference: the tables, and what follows from what is done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ...core import bylaws, standing
from ...core.charter import MAX_NAME, MAX_PARTICIPANTS, PLAIN, Charter
from ...core.conversation import (
    CharterChanged,
    Conversation,
    DoorChanged,
    History,
    ParticipantJoined,
    ParticipantLeft,
    Removal,
    RoleChanged,
    Shape,
    StandingChanged,
)
from ...core.errors import Banned, Conflict, Gone, NotAllowed, NotFound, Protected, TooLarge, WrongPassword
from ...core.identity import Identity
from ...core.standing import PRIVILEGES, Deed, Role, Standing
from ..people import ALICE, BOB, CAROL, DAVE, NOON

ROOM = Identity("lounge", "conference.example.test")


def room(*people, open_door=True, charter=PLAIN, keeps_seats=False, **standings):
    """Alice owns it and is in it; the others come in, those who stand out named by their names."""
    known = {"bob": BOB, "carol": CAROL, "dave": DAVE}
    made = Conversation(
        "c1",
        NOON,
        shape=Shape.CONFERENCE,
        address=ROOM,
        open_door=open_door,
        keeps_seats=keeps_seats,
        charter=charter,
        standings={ALICE: Standing.OWNER, **{known[name]: Standing(value) for name, value in standings.items()}},
    )
    for who in (ALICE, *people):
        made.join(who, NOON)
    return made


# ---- the tables


@pytest.mark.parametrize("deed", Deed)
@pytest.mark.parametrize("theirs", Standing)
def test_each_standing_has_the_privileges_of_the_table(deed, theirs):
    conference = room(bob=theirs.value)
    if theirs.rank >= PRIVILEGES[deed].rank:
        bylaws.must(conference, BOB, deed)
    else:
        with pytest.raises(NotAllowed):
            bylaws.must(conference, BOB, deed)


def test_an_owner_can_do_all_that_an_admin_can_and_so_down():
    assert [s.rank for s in Standing] == sorted(s.rank for s in Standing)
    assert Standing.OWNER.reaches(Standing.ADMIN) and not Standing.MEMBER.reaches(Standing.ADMIN)


@pytest.mark.parametrize(
    "theirs, moderated, role",
    [
        ("none", False, Role.SPEAKER),
        ("none", True, Role.LISTENER),
        ("member", True, Role.SPEAKER),
        ("admin", True, Role.MODERATOR),
        ("owner", False, Role.MODERATOR),
    ],
)
def test_the_role_somebody_comes_in_with(theirs, moderated, role):
    conference = room(charter=Charter(moderated=moderated), bob=theirs)
    bylaws.enter(conference, BOB, NOON, "")
    assert bylaws.role_of(conference, BOB) is role
    conference.leave(BOB, NOON)
    assert bylaws.role_of(conference, BOB) is Role.OUT and BOB not in conference.moderators | conference.silent


# ---- coming in


@pytest.mark.parametrize(
    "wrong, error",
    [
        ({"bob": "outcast"}, Banned),
        ({"open_door": False}, NotAllowed),
        ({"charter": Charter(configured=False)}, NotFound),
        ({"charter": Charter(password="moon")}, WrongPassword),
        ({"charter": Charter(maximum=1)}, TooLarge),
    ],
)
def test_who_does_not_come_in(wrong, error):
    conference = room(**wrong)
    with pytest.raises(error):
        bylaws.enter(conference, BOB, NOON, "sun")
    assert conference.participants == [ALICE]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"open_door": False, "bob": "member"},
        {"charter": Charter(password="moon")},
        {"charter": Charter(maximum=1), "bob": "admin"},
        {"charter": Charter(configured=False, password="sun"), "bob": "owner"},
    ],
)
def test_who_comes_in(more):
    conference = room(**more)
    assert [type(e) for e in bylaws.enter(conference, BOB, NOON, "moon")] == [ParticipantJoined]
    assert bylaws.enter(conference, BOB, NOON, "moon") == []


# ---- roles


def test_a_listener_says_nothing_and_names_nothing():
    conference = room(BOB)
    (changed,) = bylaws.set_role(conference, BOB, ALICE, NOON, Role.LISTENER, "noise")
    assert changed == RoleChanged("c1", BOB, False, NOON, ALICE, False, "noise")
    for deed in (lambda: conference.hearers(BOB), lambda: conference.name("mine", BOB, NOON)):
        with pytest.raises(NotAllowed):
            deed()
    bylaws.set_role(conference, BOB, ALICE, NOON, Role.SPEAKER)
    assert conference.hearers(BOB) == [ALICE]
    assert bylaws.set_role(conference, BOB, ALICE, NOON, Role.SPEAKER) == []


def test_only_moderators_name_it_where_the_charter_says_so():
    conference = room(BOB, charter=Charter(anybody_names=False))
    with pytest.raises(NotAllowed):
        conference.name("mine", BOB, NOON)
    assert conference.name("ours", ALICE, NOON)


@pytest.mark.parametrize(
    "by, who, role, error",
    [
        ("none", CAROL, Role.OUT, NotAllowed),
        ("member", CAROL, Role.LISTENER, NotAllowed),
        ("member", CAROL, Role.MODERATOR, NotAllowed),
        ("admin", DAVE, Role.LISTENER, NotFound),
        ("admin", ALICE, Role.OUT, Protected),
        ("admin", ALICE, Role.LISTENER, Protected),
        ("owner", ALICE, Role.SPEAKER, Protected),
        ("admin", BOB, Role.OUT, Conflict),
    ],
)
def test_roles_that_somebody_may_not_give(by, who, role, error):
    conference = room(BOB, CAROL, bob=by)
    with pytest.raises(error):
        bylaws.set_role(conference, who, BOB, NOON, role)


def test_a_member_who_moderates_leaves_other_members_their_voice():
    conference = room(BOB, CAROL, DAVE, bob="member", carol="member")
    bylaws.set_role(conference, BOB, ALICE, NOON, Role.MODERATOR)
    with pytest.raises(Protected):
        bylaws.set_role(conference, CAROL, BOB, NOON, Role.LISTENER)
    assert bylaws.set_role(conference, DAVE, BOB, NOON, Role.LISTENER)
    assert bylaws.set_role(conference, BOB, BOB, NOON, Role.SPEAKER), "moderators may resign"


# ---- standings


def test_who_is_banned_is_put_out():
    conference = room(BOB)
    changed, left = bylaws.set_standings(conference, {BOB: Standing.OUTCAST}, ALICE, NOON, {BOB: "enough"})
    assert changed == StandingChanged("c1", BOB, Standing.NONE, Standing.OUTCAST, NOON, ALICE, "enough")
    assert left == ParticipantLeft("c1", BOB, NOON, "enough", ALICE, Removal.BANNED)


def test_an_admin_moderates_and_who_is_none_any_more_speaks():
    conference = room(BOB, charter=Charter(moderated=True))
    bylaws.set_standings(conference, {BOB: Standing.ADMIN}, ALICE, NOON)
    assert bylaws.role_of(conference, BOB) is Role.MODERATOR
    bylaws.set_standings(conference, {BOB: Standing.MEMBER}, ALICE, NOON)
    assert bylaws.role_of(conference, BOB) is Role.SPEAKER


@pytest.mark.parametrize(
    "by, who, wish, error",
    [
        ("member", CAROL, Standing.MEMBER, NotAllowed),
        ("admin", CAROL, Standing.ADMIN, NotAllowed),
        ("admin", ALICE, Standing.NONE, NotAllowed),
        ("admin", ALICE, Standing.OUTCAST, Protected),
        ("admin", BOB, Standing.OUTCAST, Conflict),
        ("none", BOB, Standing.OWNER, NotAllowed),
    ],
)
def test_standings_that_somebody_may_not_give(by, who, wish, error):
    conference = room(BOB, CAROL, bob=by)
    with pytest.raises(error):
        bylaws.set_standings(conference, {who: wish}, BOB, NOON)


def test_a_conference_always_has_an_owner():
    conference = room(BOB)
    with pytest.raises(Conflict):
        bylaws.set_standings(conference, {ALICE: Standing.MEMBER}, ALICE, NOON)
    bylaws.set_standings(room(BOB), {BOB: Standing.OWNER, ALICE: Standing.MEMBER}, ALICE, NOON)


def test_so_many_belong_to_one_conference(monkeypatch):
    monkeypatch.setattr(bylaws, "MAX_STANDINGS", 2)
    with pytest.raises(TooLarge):
        bylaws.set_standings(room(), {BOB: Standing.MEMBER, CAROL: Standing.MEMBER}, ALICE, NOON)
    assert standing.MAX_STANDINGS > 2


def test_behind_a_closed_door_who_has_a_seat_is_a_member_and_goes_with_it():
    conference = room(BOB, open_door=False, keeps_seats=True)
    assert conference.standing(BOB) is Standing.MEMBER and conference.standing(CAROL) is Standing.NONE
    _, left = bylaws.set_standings(conference, {BOB: Standing.NONE}, ALICE, NOON)
    assert left.removal is Removal.NO_MEMBER and conference.standing(BOB) is Standing.NONE


def test_registering_keeps_a_nickname():
    conference = room(BOB)
    (changed,) = bylaws.register(conference, BOB, "hecate", NOON)
    assert changed.standing is Standing.MEMBER and conference.names == {BOB: "hecate"}
    with pytest.raises(Conflict):
        bylaws.register(conference, CAROL, "hecate", NOON)
    assert bylaws.register(conference, BOB, "hecate", NOON) == []
    bylaws.register(conference, ALICE, "first", NOON)
    assert conference.standing(ALICE) is Standing.OWNER
    bylaws.set_standings(conference, {BOB: Standing.OUTCAST}, ALICE, NOON)
    assert conference.names == {ALICE: "first"}
    with pytest.raises(Banned):
        bylaws.register(conference, BOB, "hecate", NOON)
    with pytest.raises(NotAllowed):
        bylaws.register(room(open_door=False), BOB, "hecate", NOON)


def test_who_brings_whom_in_behind_a_closed_door():
    conference = room(BOB, open_door=False, bob="member", dave="outcast")
    with pytest.raises(NotAllowed):
        bylaws.admit(conference, CAROL, BOB, NOON)
    conference.charter = replace(conference.charter, anybody_invites=True)
    assert bylaws.admit(conference, CAROL, BOB, NOON)[0].standing is Standing.MEMBER
    assert bylaws.admit(conference, CAROL, BOB, NOON) == []
    with pytest.raises(Banned):
        bylaws.admit(conference, DAVE, ALICE, NOON)


def test_whoever_is_brought_into_a_room_for_members_becomes_one_and_the_banned_are_not():
    conference = room(BOB, open_door=False, bob="member", dave="outcast")
    with pytest.raises(NotAllowed):
        bylaws.bring(conference, CAROL, BOB, NOON, History.NONE, ROOM)
    changed, joined = bylaws.bring(conference, CAROL, ALICE, NOON, History.NONE, ROOM)
    assert (changed.standing, joined.by) == (Standing.MEMBER, ALICE)
    assert bylaws.bring(conference, CAROL, BOB, NOON, History.NONE, ROOM) == []
    for everybody in (conference, room(dave="outcast")):
        with pytest.raises(Banned):
            bylaws.bring(everybody, DAVE, ALICE, NOON, History.NONE, ROOM)
    grown = room(BOB, open_door=False, keeps_seats=True)
    assert len(bylaws.bring(grown, CAROL, BOB, NOON, History.NONE, ROOM)) == 1


# ---- the charter


def test_another_charter_and_another_door():
    conference = room(BOB, CAROL, charter=Charter(moderated=True), carol="member")
    events = bylaws.set_charter(conference, ALICE, NOON, Charter(name="Coven"), open_door=False)
    assert [type(e) for e in events] == [CharterChanged, DoorChanged, RoleChanged, ParticipantLeft]
    assert events[-1].removal is Removal.DOOR_CLOSED and conference.participants == [ALICE, CAROL]
    assert bylaws.set_charter(conference, ALICE, NOON, Charter(name="Coven"), open_door=False) == []
    with pytest.raises(NotAllowed):
        bylaws.set_charter(conference, CAROL, NOON, Charter())


@pytest.mark.parametrize(
    "charter", [Charter(name="x" * (MAX_NAME + 1)), Charter(maximum=0), Charter(maximum=MAX_PARTICIPANTS + 1)]
)
def test_what_a_charter_cannot_say(charter):
    with pytest.raises(TooLarge):
        bylaws.set_charter(room(), ALICE, NOON, charter)


def test_what_has_ended_has_no_rules():
    conference = room(BOB, charter=Charter(persistent=True))
    conference.end(NOON, "over")
    assert not conference.charter.persistent
    for deed in (
        lambda: bylaws.set_role(conference, BOB, ALICE, NOON, Role.OUT),
        lambda: bylaws.set_charter(conference, ALICE, NOON, Charter()),
        lambda: bylaws.set_standings(conference, {BOB: Standing.MEMBER}, ALICE, NOON),
    ):
        with pytest.raises(Gone):
            deed()


def test_a_password_is_not_printed():
    assert "moon" not in repr(Charter(password="moon"))
