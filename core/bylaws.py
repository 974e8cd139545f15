"""Who may do what to whom in a conference, whatever world they come from (the tables of XEP-0045 section 5).

Each takes the draft of a conversation and a wish, and returns what follows, in order.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .charter import Charter
from .conversation import (
    CharterChanged,
    Conversation,
    DoorChanged,
    Event,
    History,
    Removal,
    RoleChanged,
    Shape,
    StandingChanged,
)
from .errors import Banned, Conflict, Gone, NotAllowed, NotFound, Protected, TooLarge, WrongPassword
from .identity import Identity
from .standing import LISTED_BY, MAX_STANDINGS, PRIVILEGES, Deed, Role, Standing


def must(conversation: Conversation, who: Identity, deed: Deed) -> None:
    """Raises Gone, or NotAllowed for whose standing does not give the privilege."""
    if conversation.shape is Shape.ENDED:
        raise Gone("this conversation has ended")
    needed = PRIVILEGES[deed]
    if not conversation.standing(who).reaches(needed):
        raise NotAllowed(f"one is {needed} to {deed.value}")


def enter(draft: Conversation, who: Identity, at: datetime, password: str) -> list[Event]:
    """Somebody comes in by themselves.  Raises NotFound, Banned, NotAllowed, WrongPassword, TooLarge, Gone."""
    standing, charter = draft.standing(who), draft.charter
    if who in draft.participants:
        return []
    if standing is Standing.OUTCAST:
        raise Banned("you are banned from this conference")
    if not charter.configured and standing is not Standing.OWNER:
        raise NotFound("this conference is still being set up")
    if not draft.open_door and not standing.reaches(Standing.MEMBER):
        raise NotAllowed("this conference is for those who were invited")
    if not standing.reaches(Standing.ADMIN):
        draft.admit(None)
        if len(draft.participants) >= charter.maximum:
            raise TooLarge(f"this conference has at most {charter.maximum} participants")
    if charter.password and password != charter.password and standing is not Standing.OWNER:
        raise WrongPassword("this conference has a password")
    return draft.join(who, at)


def bring(
    draft: Conversation, who: Identity, by: Identity | None, at: datetime, history: History, address: Identity
) -> list[Event]:
    """Somebody is brought in; the third makes a talk of two a conference, reached at ``address``.

    Where members come and go, whoever is brought in becomes one.  Raises Banned, NotAllowed, Gone, TooLarge.
    """
    draft.admit(by)
    for_members = draft.shape is Shape.CONFERENCE and not (draft.open_door or draft.keeps_seats)
    events = admit(draft, who, by, at) if for_members and by is not None and who not in draft.participants else []
    return [*events, *draft.join(who, at, by=by, history=history, address=address)]


# ---- roles


def set_role(
    draft: Conversation, who: Identity, by: Identity, at: datetime, role: Role, reason: str = ""
) -> list[Event]:
    """Give a participant another role, or put them out.  Raises Gone, NotAllowed, Protected, Conflict, NotFound."""
    if draft.shape is Shape.ENDED:
        raise Gone("this conversation has ended")
    above = draft.standing(by)
    moderates = by in draft.moderators or above.reaches(Standing.ADMIN)
    if not moderates or (role is Role.MODERATOR and not above.reaches(PRIVILEGES[Deed.APPOINT_MODERATORS])):
        raise NotAllowed("only a moderator says what others may do, only an admin who moderates")
    if who not in draft.participants:
        raise NotFound(f"{who} is not in this conversation")
    if role is role_of(draft, who):
        return []
    _must_be_below(draft, who, by, role)
    if role is Role.OUT:
        return draft.leave(who, at, reason=reason or "removed", by=by)
    draft.moderators.discard(who)
    draft.silent.discard(who)
    if role is Role.MODERATOR:
        draft.moderators.add(who)
    elif role is Role.LISTENER:
        draft.silent.add(who)
    return [_role_changed(draft, who, at, by, reason)]


def role_of(conversation: Conversation, who: Identity) -> Role:
    """What somebody may do now."""
    if who not in conversation.participants:
        return Role.OUT
    if who in conversation.moderators:
        return Role.MODERATOR
    return Role.LISTENER if who in conversation.silent else Role.SPEAKER


def _must_be_below(draft: Conversation, who: Identity, by: Identity, role: Role) -> None:
    """Sections 5.1.1, 8.2, 8.4 and 9.7: nobody takes something from who stands above them."""
    above, below = draft.standing(by), draft.standing(who)
    if role is Role.OUT:
        if who == by:
            raise Conflict("nobody puts themselves out; they leave")
        if not above.reaches(below):
            raise Protected("they stand above you")
    elif role is not Role.MODERATOR:
        if below.reaches(Standing.ADMIN):
            raise Protected("an admin or an owner always moderates")
        if role is Role.LISTENER and below is not Standing.NONE and above.rank <= below.rank:
            raise Protected("their standing is not below yours")
    if who in draft.moderators and who != by and not above.reaches(Standing.ADMIN):
        raise Protected("only an admin takes this from a moderator")


def _role_changed(
    draft: Conversation, who: Identity, at: datetime, by: Identity | None, reason: str = ""
) -> RoleChanged:
    return RoleChanged(draft.id, who, who in draft.moderators, at, by, who not in draft.silent, reason)


# ---- standings


def set_standings(
    draft: Conversation,
    wished: Mapping[Identity, Standing],
    by: Identity,
    at: datetime,
    reasons: Mapping[Identity, str] = {},
) -> list[Event]:
    """All of these, or none.  Raises Gone, NotAllowed, Protected, Conflict, TooLarge."""
    for who, standing in wished.items():
        _must_be_entitled(draft, who, by, standing)
    events: list[Event] = []
    for who, standing in wished.items():
        before = draft.standing(who)
        if before is not standing:
            events += _stand(draft, who, before, standing, at, by, reasons.get(who, ""))
    if Standing.OWNER not in draft.standings.values():
        raise Conflict("a conference has an owner")
    if len(draft.standings) > MAX_STANDINGS:
        raise TooLarge(f"at most {MAX_STANDINGS} people belong to one conference")
    return events


def admit(draft: Conversation, who: Identity, by: Identity, at: datetime) -> list[Event]:
    """Somebody is to be able to come in who is no member yet.  Raises Banned, Gone, NotAllowed."""
    before = draft.standing(who)
    if not (draft.charter.anybody_invites and draft.standing(by).reaches(Standing.MEMBER)):
        must(draft, by, Deed.EDIT_MEMBERS)
    if before is Standing.OUTCAST:
        raise Banned("they are banned from this conference")
    return _stand(draft, who, before, Standing.MEMBER, at, by, "") if before is Standing.NONE else []


def register(draft: Conversation, who: Identity, nickname: str, at: datetime) -> list[Event]:
    """Somebody makes themselves a member of an open conference, and has a nickname kept for themselves.

    An empty nickname takes both back.  Raises Banned, NotAllowed, Conflict.
    """
    before = draft.standing(who)
    if before is Standing.OUTCAST:
        raise Banned("you are banned from this conference")
    if not draft.open_door and before is Standing.NONE:
        raise NotAllowed("this conference is for those who were invited")
    if nickname and any(name == nickname for other, name in draft.names.items() if other != who):
        raise Conflict("somebody has this nickname")
    kept = draft.names.pop(who, "")
    if nickname:
        draft.names[who] = nickname
    standing = Standing.MEMBER if nickname else Standing.NONE
    if before in (Standing.NONE, Standing.MEMBER) and standing is not before:
        return _stand(draft, who, before, standing, at, who, "")
    return [StandingChanged(draft.id, who, before, before, at, who)] if kept != nickname else []


def _must_be_entitled(draft: Conversation, who: Identity, by: Identity, standing: Standing) -> None:
    """Sections 9.1, 9.2 and 10.4: an admin who reaches too high is told that those are protected."""
    if standing is Standing.OUTCAST and who == by:
        raise Conflict("nobody bans themselves")
    must(draft, by, LISTED_BY[standing])
    needed = PRIVILEGES[LISTED_BY[draft.standing(who)]]
    if not draft.standing(by).reaches(needed):
        if standing is Standing.OUTCAST:
            raise Protected("they stand above you")
        raise NotAllowed(f"one is {needed} to change that")


def _stand(
    draft: Conversation, who: Identity, before: Standing, standing: Standing, at: datetime, by: Identity, reason: str
) -> list[Event]:
    if standing is Standing.NONE:
        draft.standings.pop(who, None)
    else:
        draft.standings[who] = standing
    if standing in (Standing.NONE, Standing.OUTCAST):
        draft.names.pop(who, None)
    if before.reaches(Standing.ADMIN):
        draft.moderators.discard(who)
    if who in draft.participants:
        draft.take_role(who)
    events: list[Event] = [StandingChanged(draft.id, who, before, standing, at, by, reason)]
    removal = Removal.BANNED if standing is Standing.OUTCAST else Removal.NO_MEMBER
    if standing is Standing.OUTCAST or (standing is Standing.NONE and not draft.open_door):
        events += draft.leave(who, at, reason=reason or removal.value, by=by, removal=removal)
    return events


# ---- the charter


def set_charter(
    draft: Conversation, by: Identity, at: datetime, charter: Charter, *, open_door: bool | None = None
) -> list[Event]:
    """Other rules, another door.  Who is no member goes where there are only members.

    Raises Gone, NotAllowed, TooLarge.
    """
    must(draft, by, Deed.WRITE_CHARTER)
    charter.check()
    events: list[Event] = []
    before, was_open = draft.charter, draft.open_door
    draft.charter, draft.open_door = charter, was_open if open_door is None else open_door
    if charter != before:
        events.append(CharterChanged(draft.id, by, before, charter, at))
    if draft.open_door != was_open:
        events.append(DoorChanged(draft.id, by, draft.open_door, draft.locked, at))
    if before.moderated and not charter.moderated:
        events += _everybody_speaks(draft, at)
    if was_open and not draft.open_door and not draft.keeps_seats:
        events += _members_stay(draft, by, at)
    return events


def _everybody_speaks(draft: Conversation, at: datetime) -> list[Event]:
    silent, draft.silent = [who for who in draft.participants if who in draft.silent], set()
    return [_role_changed(draft, who, at, None) for who in silent]


def _members_stay(draft: Conversation, by: Identity, at: datetime) -> list[Event]:
    strangers = [who for who in draft.participants if not draft.standing(who).reaches(Standing.MEMBER)]
    removal = Removal.DOOR_CLOSED
    return [e for who in strangers for e in draft.leave(who, at, reason=removal.value, by=by, removal=removal)]
