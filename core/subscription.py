"""The states of a presence subscription between two people, and what each deed makes of them.  Pure tables.

RFC 6121 appendix A, seen from the owner of a contact list: OUTBOUND is what the owner does (section A.2), INBOUND what
comes from the contact (section A.3).
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import NamedTuple

from .contacts import Contact, Subscription
from .identity import Identity


class Deed(enum.StrEnum):
    """What one does about the other's presence; the four types of subscription stanzas."""

    ASK = "ask"
    """I want to see you (subscribe)."""
    GRANT = "grant"
    """You may see me (subscribed)."""
    REVOKE = "revoke"
    """You may not, or no longer (unsubscribed)."""
    STOP = "stop"
    """I no longer want to see you (unsubscribe)."""


class State(enum.Enum):
    """The nine states of RFC 6121 section A.1: what is granted, and who has asked and waits for an answer."""

    NONE = (Subscription.NONE, False, False)
    NONE_OUT = (Subscription.NONE, True, False)
    NONE_IN = (Subscription.NONE, False, True)
    NONE_OUT_IN = (Subscription.NONE, True, True)
    TO = (Subscription.TO, False, False)
    TO_IN = (Subscription.TO, False, True)
    FROM = (Subscription.FROM, False, False)
    FROM_OUT = (Subscription.FROM, True, False)
    BOTH = (Subscription.BOTH, False, False)


class Step(NamedTuple):
    """The state afterwards, and whether the deed goes on: outbound to the contact, inbound to the owner's clients."""

    state: State
    goes: bool


STAYS = False
GOES = True
S = State

OUTBOUND: dict[Deed, dict[State, Step]] = {
    # A.2.1 and A.2.2 route in every state, so that two lists that disagree come to agree
    Deed.ASK: {
        S.NONE: Step(S.NONE_OUT, GOES),
        S.NONE_OUT: Step(S.NONE_OUT, GOES),
        S.NONE_IN: Step(S.NONE_OUT_IN, GOES),
        S.NONE_OUT_IN: Step(S.NONE_OUT_IN, GOES),
        S.TO: Step(S.TO, GOES),
        S.TO_IN: Step(S.TO_IN, GOES),
        S.FROM: Step(S.FROM_OUT, GOES),
        S.FROM_OUT: Step(S.FROM_OUT, GOES),
        S.BOTH: Step(S.BOTH, GOES),
    },
    Deed.STOP: {
        S.NONE: Step(S.NONE, GOES),
        S.NONE_OUT: Step(S.NONE, GOES),
        S.NONE_IN: Step(S.NONE_IN, GOES),
        S.NONE_OUT_IN: Step(S.NONE_IN, GOES),
        S.TO: Step(S.NONE, GOES),
        S.TO_IN: Step(S.NONE_IN, GOES),
        S.FROM: Step(S.FROM, GOES),
        S.FROM_OUT: Step(S.FROM, GOES),
        S.BOTH: Step(S.FROM, GOES),
    },
    # A.2.3; where nobody has asked it is an approval in advance (section 3.4)
    Deed.GRANT: {
        S.NONE: Step(S.NONE, STAYS),
        S.NONE_OUT: Step(S.NONE_OUT, STAYS),
        S.NONE_IN: Step(S.FROM, GOES),
        S.NONE_OUT_IN: Step(S.FROM_OUT, GOES),
        S.TO: Step(S.TO, STAYS),
        S.TO_IN: Step(S.BOTH, GOES),
        S.FROM: Step(S.FROM, STAYS),
        S.FROM_OUT: Step(S.FROM_OUT, STAYS),
        S.BOTH: Step(S.BOTH, STAYS),
    },
    # A.2.4; where nobody has asked it takes back an approval in advance (section 3.4)
    Deed.REVOKE: {
        S.NONE: Step(S.NONE, STAYS),
        S.NONE_OUT: Step(S.NONE_OUT, STAYS),
        S.NONE_IN: Step(S.NONE, GOES),
        S.NONE_OUT_IN: Step(S.NONE_OUT, GOES),
        S.TO: Step(S.TO, STAYS),
        S.TO_IN: Step(S.TO, GOES),
        S.FROM: Step(S.NONE, GOES),
        S.FROM_OUT: Step(S.NONE_OUT, GOES),
        S.BOTH: Step(S.TO, GOES),
    },
}

INBOUND: dict[Deed, dict[State, Step]] = {
    # A.3.1; whoever may see already is answered by the server (REPLY)
    Deed.ASK: {
        S.NONE: Step(S.NONE_IN, GOES),
        S.NONE_OUT: Step(S.NONE_OUT_IN, GOES),
        S.NONE_IN: Step(S.NONE_IN, STAYS),
        S.NONE_OUT_IN: Step(S.NONE_OUT_IN, STAYS),
        S.TO: Step(S.TO_IN, GOES),
        S.TO_IN: Step(S.TO_IN, STAYS),
        S.FROM: Step(S.FROM, STAYS),
        S.FROM_OUT: Step(S.FROM_OUT, STAYS),
        S.BOTH: Step(S.BOTH, STAYS),
    },
    # A.3.2
    Deed.STOP: {
        S.NONE: Step(S.NONE, STAYS),
        S.NONE_OUT: Step(S.NONE_OUT, STAYS),
        S.NONE_IN: Step(S.NONE, GOES),
        S.NONE_OUT_IN: Step(S.NONE_OUT, GOES),
        S.TO: Step(S.TO, STAYS),
        S.TO_IN: Step(S.TO, GOES),
        S.FROM: Step(S.NONE, GOES),
        S.FROM_OUT: Step(S.NONE_OUT, GOES),
        S.BOTH: Step(S.TO, GOES),
    },
    # A.3.3
    Deed.GRANT: {
        S.NONE: Step(S.NONE, STAYS),
        S.NONE_OUT: Step(S.TO, GOES),
        S.NONE_IN: Step(S.NONE_IN, STAYS),
        S.NONE_OUT_IN: Step(S.TO_IN, GOES),
        S.TO: Step(S.TO, STAYS),
        S.TO_IN: Step(S.TO_IN, STAYS),
        S.FROM: Step(S.FROM, STAYS),
        S.FROM_OUT: Step(S.BOTH, GOES),
        S.BOTH: Step(S.BOTH, STAYS),
    },
    # A.3.4
    Deed.REVOKE: {
        S.NONE: Step(S.NONE, STAYS),
        S.NONE_OUT: Step(S.NONE, GOES),
        S.NONE_IN: Step(S.NONE_IN, STAYS),
        S.NONE_OUT_IN: Step(S.NONE_IN, GOES),
        S.TO: Step(S.NONE, GOES),
        S.TO_IN: Step(S.NONE_IN, GOES),
        S.FROM: Step(S.FROM, STAYS),
        S.FROM_OUT: Step(S.FROM, GOES),
        S.BOTH: Step(S.FROM, GOES),
    },
}

APPROVED: dict[State, State] = {
    # an approval in advance meets the question: granted at once, and the owner is not bothered (section 3.4)
    S.NONE: S.FROM,
    S.NONE_OUT: S.FROM_OUT,
    S.TO: S.BOTH,
}

APPROVABLE = frozenset(APPROVED)
"""States in which a grant is an approval in advance."""
REPLY = frozenset({S.FROM, S.FROM_OUT, S.BOTH})
"""States in which the server answers a question itself: the contact may see already (section 3.1.3)."""


class Outcome(NamedTuple):
    """An entry after a deed.  ``goes`` as in Step; ``reply``: what the server answers in the owner's name."""

    contact: Contact
    goes: bool
    reply: Deed | None = None


def state_of(contact: Contact) -> State:
    """The state an entry is in.  A question that is already answered is none."""
    return State((contact.subscription, contact.asked and not contact.sees, contact.asking and not contact.seen))


def no_entry(owner: Identity, address: Identity) -> Contact:
    """What stands for the entry that is not there: the state None, and not on the list."""
    return Contact(owner, address, listed=False)


def sent(contact: Contact, deed: Deed) -> Outcome:
    """The owner does something (RFC 6121 section A.2).  What the owner wants or allows puts the contact on the list."""
    state = state_of(contact)
    after, goes = OUTBOUND[deed][state]
    approved = contact.approved
    if deed is Deed.GRANT:
        approved = approved or state in APPROVABLE
    elif deed is Deed.REVOKE:
        approved = False
    listed = contact.listed or deed in (Deed.ASK, Deed.GRANT)
    return Outcome(replace(_in_state(contact, after), approved=approved, listed=listed), goes)


def received(contact: Contact, deed: Deed) -> Outcome:
    """The contact does something (RFC 6121 section A.3)."""
    state = state_of(contact)
    if deed is Deed.ASK and contact.approved and state in APPROVED:
        # the approval is used up: after a later revoke the contact has to ask again
        return Outcome(replace(_in_state(contact, APPROVED[state]), approved=False), False, Deed.GRANT)
    after, goes = INBOUND[deed][state]
    reply = Deed.GRANT if deed is Deed.ASK and state in REPLY else None
    return Outcome(_in_state(contact, after), goes, reply)


def parting(contact: Contact) -> list[Deed]:
    """What the contact has to hear when the entry goes (RFC 6121 section 2.5.2)."""
    stops = Deed.STOP if contact.sees or contact.asked else None
    revokes = Deed.REVOKE if contact.seen or contact.asking else None
    return [deed for deed in (stops, revokes) if deed is not None]


def _in_state(contact: Contact, state: State) -> Contact:
    subscription, asked, asking = state.value
    return replace(contact, subscription=subscription, asked=asked, asking=asking)


class Exchange(NamedTuple):
    """Both entries after a deed; what the contact is told of it, and what the owner is told in answer."""

    mine: Contact
    theirs: Contact | None
    told: Deed | None = None
    answered: Deed | None = None


def exchange(mine: Contact, deed: Deed, theirs: Contact | None) -> Exchange:
    """The owner does something and it arrives at the contact's list; None: there is nobody for it to arrive at."""
    out = sent(mine, deed)
    if not out.goes or theirs is None:
        return Exchange(out.contact, theirs)
    there = received(theirs, deed)
    told = deed if there.goes else None
    if there.reply is None:
        return Exchange(out.contact, there.contact, told)
    back = received(out.contact, there.reply)
    return Exchange(back.contact, there.contact, told, there.reply if back.goes else None)
