"""Whether time tells who exists: Welch's t of a known and an unknown person, for each method (run as a module)."""

from __future__ import annotations

import asyncio
import math
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from ..core.identity import Identity
from ..plugins.sip.options import SipOptions
from ..plugins.sip.plugin import SipTransport
from ..plugins.sip.syntax.message import Request
from ..tests.people import ALICE, DOMAIN
from ..tests.plugins.sip.phone import Phone
from ..tests.stage import front_end_in

PAIRS = 2000
"""Known and unknown, in random order within each pair."""
SUSPICIOUS = 4.5
"""Where |t| is above, time tells."""
NOBODY = Identity("nobody", DOMAIN)
METHODS = {
    "REGISTER": [],
    "MESSAGE": [("Content-Type", "text/plain")],
    "SUBSCRIBE": [("Event", "presence"), ("Contact", "<sip:x@127.0.0.1:9>")],
}


def welch(one: list[float], other: list[float]) -> float:
    """Welch's t of two samples; the slowest tenth, which the machine and not the server made slow, left out."""
    kept = [sorted(sample)[: len(sample) * 9 // 10] for sample in (one, other)]
    spread = math.sqrt(sum(statistics.variance(sample) / len(sample) for sample in kept))
    return (statistics.fmean(kept[0]) - statistics.fmean(kept[1])) / spread


async def seconds(phone: Phone, method: str, whose: Identity) -> float:
    """How long a wrong password in somebody's name takes to be refused."""
    uri = f"sip:{DOMAIN}" if method == "REGISTER" else f"sip:{whose}"
    request: Request = phone.request(
        method, uri, to=f"sip:{whose}", sender=f"sip:{whose}", headers=METHODS[method], body=b""
    )
    challenge = await phone.exchange(request)
    signed = phone.signing(request, challenge, username=whose.user)
    began = time.perf_counter()
    await phone.exchange(signed)
    return time.perf_counter() - began


async def measured(pairs: int) -> dict[str, float]:
    """|t| for each method."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0))
        async with front_end_in(Path(folder), sip) as front_end:
            front_end.accounts.limited = lambda *_: 0.0  # type: ignore[method-assign]
            phone = await Phone(ALICE, sip.ports["tcp"]).connect()
            await phone.register()  # a flow on which somebody signed in may ask often enough
            phone.password = "a wrong one"
            for method in METHODS:
                taken: dict[Identity, list[float]] = {ALICE: [], NOBODY: []}
                for number in range(pairs + 50):
                    for whose in random.sample((ALICE, NOBODY), 2):
                        took = await seconds(phone, method, whose)
                        if number >= 50:
                            taken[whose].append(took)
                found[method] = abs(welch(taken[ALICE], taken[NOBODY]))
            await phone.close()
    return found


def main() -> None:
    """Print the figures; the exit status says whether one of them is suspicious."""
    found = asyncio.run(measured(int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS))
    for method, t in found.items():
        print(f"{method:10} |t| = {t:.2f}  {'time tells who exists' if t > SUSPICIOUS else 'nothing to see'}")
    sys.exit(any(t > SUSPICIOUS for t in found.values()))


if __name__ == "__main__":
    main()
