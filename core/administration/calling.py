"""Deeds about calls: where people's calls go, why a call would ring where, and the lines to the outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from ..errors import NotFound
from ..forwarding import NO_FORWARDING, CallStep, Forwarding, TrunkState, forwarding_of, keep_forwarding
from ..front_end import FrontEnd
from .addresses import existing, named

NO_CALLS = "no plugin of this server carries calls; [sip] does"


async def forwarding(front_end: FrontEnd, who: str) -> Forwarding:
    """Where somebody's calls go when they do not take them."""
    return await forwarding_of(front_end.store, await existing(front_end, who))


async def set_forwarding(
    front_end: FrontEnd,
    who: str,
    always: str | None = None,
    busy: str | None = None,
    unanswered: str | None = None,
    offline: str | None = None,
    ring_for: Annotated[int, msgspec.Meta(ge=5, le=120)] | None = None,
    also: list[str] | None = None,
) -> Forwarding:
    """Say where somebody's calls go; what is not given stays, and an empty text ends it."""
    person = await existing(front_end, who)
    given = {"always": always, "busy": busy, "unanswered": unanswered, "offline": offline}
    changes: dict[str, object] = {name: _full(front_end, to) for name, to in given.items() if to is not None}
    if ring_for is not None:
        changes["ring_for"] = ring_for
    if also is not None:
        changes["also"] = [_full(front_end, to) for to in also]
    before = await forwarding_of(front_end.store, person)
    after = msgspec.structs.replace(before, **changes)
    return await keep_forwarding(front_end.store, person, after)


async def clear_forwarding(front_end: FrontEnd, who: str) -> Forwarding:
    """Let somebody's calls ring at their own endpoints alone, and go nowhere else."""
    return await keep_forwarding(front_end.store, await existing(front_end, who), NO_FORWARDING)


async def why_call(front_end: FrontEnd, caller: str, callee: str) -> Sequence[CallStep]:
    """Where a call would ring, stage by stage, and which rule says so; nothing rings."""
    who = await existing(front_end, caller)
    steps = await front_end.hooks.why_call(caller=who, callee=callee)
    if steps is None:
        raise NotFound(NO_CALLS)
    return steps


async def trunks(front_end: FrontEnd) -> list[TrunkState]:
    """The lines to the world of telephones, and how each of them is."""
    return [trunk for lines in front_end.hooks.trunks(front_end=front_end) for trunk in lines]


def _full(front_end: FrontEnd, text: str) -> str:
    """A target; a name without a domain is somebody of the first one."""
    return str(named(front_end, text)) if text and text[0].isalpha() and "@" not in text and ":" not in text else text
