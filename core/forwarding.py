"""Where a person's calls go when the person does not take them: one small document for each, and how it is judged."""

from __future__ import annotations

import logging
from string import digits
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from .errors import BadAddress, BadRequest
from .identity import Identity

if TYPE_CHECKING:
    from .store import Profiles

log = logging.getLogger(__name__)

KIND = "calls"
"""Of the documents that forwarding is kept in; the key is the person's address and ``/calls``."""
MAX_ALSO = 5
"""Other numbers or people that ring along with a person."""
MAX_TARGET = 256
"""Characters of a number or an address that calls are forwarded to."""
DIALLED = digits + "*#"


class Forwarding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one person wants done with calls to them.  A target is an address, or a number as it is dialled."""

    always: str = ""
    """Every call goes there; nothing rings here."""
    busy: str = ""
    """Where calls go when the person is busy."""
    unanswered: str = ""
    """Where they go when nobody has answered."""
    offline: str = ""
    """Where they go when the person is nowhere signed in, or does not want to be disturbed."""
    ring_for: Annotated[int, msgspec.Meta(ge=5, le=120)] = 20
    """Seconds after which nobody has answered."""
    also: list[str] = []
    """What rings at the same time."""


NO_FORWARDING = Forwarding()


class CallStep(msgspec.Struct, frozen=True):
    """One line of an explanation: what a call would come to, when, and why."""

    stage: int
    rings: str
    seconds: float
    after: list[str]
    why: str


class TrunkState(msgspec.Struct, frozen=True):
    """One line to the world of telephones, and how it is."""

    name: str
    state: str
    hops: list[str]
    registered: str
    calls: int
    max_calls: int
    why: str = ""
    lines: int = 0
    """Lines of desk phones that are watched there."""
    lines_failing: int = 0
    """Those of them that are not to be had at present."""


class Target(NamedTuple):
    """Where a call may be forwarded to: a person, or else a number."""

    who: Identity | None
    number: str = ""


def target_of(text: str) -> Target:
    """Read a target.  A tel URI is a number.  Raises BadRequest."""
    text = text.strip()
    if not 0 < len(text) <= MAX_TARGET:
        raise BadRequest(f"a call goes to an address or a number of at most {MAX_TARGET} characters")
    number = "".join(c for c in text.removeprefix("tel:") if c not in " -./()")
    if number.removeprefix("+") and not number.removeprefix("+").strip(DIALLED):
        return Target(None, number)
    try:
        return Target(Identity.parse(text))
    except BadAddress:
        raise BadRequest(f"{text[:80]!r} is neither an address nor a number") from None


def judged(who: Identity, forwarding: Forwarding) -> Forwarding:
    """The same with every target in its canonical spelling.  Raises BadRequest for one that cannot be."""
    if len(forwarding.also) > MAX_ALSO:
        raise BadRequest(f"no more than {MAX_ALSO} others ring along")
    spelled = {}
    for name in ("always", "busy", "unanswered", "offline"):
        if text := getattr(forwarding, name):
            spelled[name] = _spelled(who, text)
    return msgspec.structs.replace(forwarding, **spelled, also=[_spelled(who, text) for text in forwarding.also])


async def forwarding_of(store: Profiles, who: Identity) -> Forwarding:
    """What a person wants; nothing special for those who have said nothing."""
    document = await store.document(KIND, f"{who}/calls")
    if document is None:
        return NO_FORWARDING
    try:
        return msgspec.json.decode(document, type=Forwarding)
    except msgspec.MsgspecError as wrong:
        log.error("what %s wants done with calls cannot be read (%s); setting it anew mends it", who, wrong)
        return NO_FORWARDING


async def keep_forwarding(store: Profiles, who: Identity, forwarding: Forwarding) -> Forwarding:
    """Keep what a person wants, from the next call on.  Raises BadRequest."""
    forwarding = judged(who, forwarding)
    await store.put_document(
        KIND, f"{who}/calls", None if forwarding == NO_FORWARDING else msgspec.json.encode(forwarding)
    )
    return forwarding


def _spelled(who: Identity, text: str) -> str:
    target = target_of(text)
    if target.who == who:
        raise BadRequest(f"calls to {who} cannot be forwarded to {who}")
    return target.number or str(target.who)
