"""Whose a number is: the phones of the people directory, each as the dial plan has it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ....core.identity import Identity
from .dial_plan import DialPlan, written

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

MAX_LISTED = 100_000
"""People whose phones are looked at."""
READ_AGAIN_AFTER = 5.0
"""Seconds after which a number that nobody has is looked for in the directory anew."""


class Numbers:
    """Finds the person of a number.  What was found is looked up again, so a phone that somebody lost is not theirs."""

    def __init__(self, front_end: FrontEnd, plan: DialPlan) -> None:
        self._front_end = front_end
        self._plan = plan
        self._people: dict[str, Identity] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def person(self, number: str) -> Identity | None:
        """Who has this number, in E.164 or as it is dialled here; None for nobody."""
        found = self._people.get(number)
        if found is not None and number in await self.of(found):
            return found
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at > READ_AGAIN_AFTER or found is not None:
                self._people = await self._read()
                self._read_at = now
        return self._people.get(number)

    async def of(self, who: Identity) -> list[str]:
        """The numbers of a person, the first of them the one that others are shown."""
        person = await self._front_end.accounts.person(who)
        return [] if person is None else [number for text in person.phones if (number := self._meant(text))]

    async def everybody(self) -> dict[str, Identity]:
        """Every number that somebody has, read from the directory now."""
        return await self._read()

    async def _read(self) -> dict[str, Identity]:
        found: dict[str, Identity] = {}
        for person in await self._front_end.store.people("", MAX_LISTED):
            try:
                who = Identity.parse(person.address)
            except BadAddress:
                continue
            for text in person.phones:
                number = self._meant(text)
                if number and found.setdefault(number, who) != who:
                    log.warning("%s is a number of %s and of %s; the first has it", number, found[number], who)
        return found

    def _meant(self, text: str) -> str:
        number = written(text)
        return "" if number is None else self._plan.normalised(number)
