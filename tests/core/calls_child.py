"""A process that puts calls through, and prints what the core has said of them, until it is killed."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from ...core.call import DECLINED, HUNG_UP, Party
from ...core.front_end import FrontEnd
from ...core.settings import FrontEndSettings
from ..people import ALICE, BOB
from ..plugged import hooks_of

LINES = 8


async def telephone(front_end: FrontEnd, line: int) -> None:
    """One call after another; a line is written when the core has said that it is so."""
    for number in count():
        call = await front_end.calls.begin(Party(ALICE), Party(BOB), route=f"line {line}")
        print("begun", call.id, flush=True)
        await front_end.calls.ringing(call, Party(BOB))
        if number % 3:
            await front_end.calls.answered(call, Party(BOB), ["audio"])
            print("answered", call.id, flush=True)
        await asyncio.sleep(0)
        await front_end.calls.ended(call, HUNG_UP if number % 3 else DECLINED, Party(BOB))
        print("ended", call.id, flush=True)


async def main(state: Path) -> None:
    async with FrontEnd(FrontEndSettings(), hooks_of(), {}, state) as front_end:
        await asyncio.gather(*(telephone(front_end, line) for line in range(LINES)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
