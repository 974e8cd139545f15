"""What phones do that call each other: INVITE, ACK, BYE, the next call.  Played by a crew."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from itertools import count

from .crew import Stage
from .marks import until
from .people import who
from .sip_phone import SDP, Phone
from .sip_scenes import ended, signed_in
from .xmpp_session import PATIENCE, Facts

CONTACT = re.compile(rb"\r\ncontact:[^\r<]*<([^>\r]+)>", re.IGNORECASE)
RECORDED = re.compile(rb"\r\nrecord-route:[ \t]*([^\r]+)", re.IGNORECASE)
TO = re.compile(rb"\r\nto:[ \t]*([^\r]+)", re.IGNORECASE)


async def call(stage: Stage, *, port: int, transport: str, users: range, seconds: float, proves: bool) -> Facts:
    """Every other one calls the one after, hangs up when it was answered, and calls again."""
    phones = await signed_in(port, transport, users)
    late: list[float] = []
    wrong: Counter[int] = Counter()
    callers = [Caller(one, f"sip:{who(other.number)}", proves) for one, other in zip(phones[::2], phones[1::2])]
    going, done = False, 0

    def again(caller: Caller) -> None:
        began = time.monotonic()

        def over(status: int) -> None:
            nonlocal done
            done += status == 200
            if status != 200:
                wrong[status] += 1
            if going:
                again(caller)

        caller.call(lambda: late.append(1000 * (time.monotonic() - began)), over)

    for caller in callers:
        again(caller)  # the first call finds cold caches, which is another thing to measure
    await until(lambda: done + wrong.total() >= len(callers), PATIENCE)
    await stage.step()
    late.clear()
    done, going, began = 0, True, time.monotonic()
    for caller in callers:
        again(caller)
    await asyncio.sleep(seconds)
    going = False
    await stage.step({"got": done, "seconds": time.monotonic() - began, "late": list(late)})
    return ended(phones, wrong)


class Caller:
    """A phone that calls one other."""

    def __init__(self, phone: Phone, to: str, proves: bool) -> None:
        self._phone = phone
        self._to = to
        self._proves = proves
        self._calls = count()

    def call(self, answered: Callable[[], None], over: Callable[[int], None]) -> None:
        """Call and hang up.  ``over`` gets 200, or the status of what was refused."""
        id = f"c{self._phone.number}-{next(self._calls)}"

        def heard(status: int, data: bytes) -> None:
            target, to = CONTACT.search(data), TO.search(data)
            if status != 200 or target is None or to is None:
                return over(status)
            answered()
            # RFC 3261 section 12.1.2: whoever called goes the recorded way in the other direction
            recorded = ", ".join(line.decode() for line in RECORDED.findall(data)).split(",")
            ways = "".join(f"Route: {way.strip()}\r\n" for way in reversed(recorded) if way.strip())
            uri, remote = target[1].decode(), to[1].decode()
            self._phone.acknowledge(uri, call=id, headers=ways, to=remote)
            self._phone.ask(
                "BYE",
                uri,
                lambda status, _: over(status),
                call=id,
                headers=ways,
                to=remote,
                proves=self._proves,
            )

        headers = f"{self._phone.contact}Content-Type: application/sdp\r\n"
        self._phone.ask("INVITE", self._to, heard, call=id, headers=headers, body=SDP, proves=self._proves)
