"""Calls join the SIP plugin: one function that puts the proxy together and enters it where requests are given out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..dispatch import Dispatch
from ..sign_in.registration import Registrations
from ..syntax.message import Request
from ..transport.addresses import OwnAddresses
from .hops import Hops
from .proxy import CallProxy
from .telephony import Telephony
from .tokens import Tokens
from .wires import Wires

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

INSIDE = frozenset(("INFO", "NOTIFY", "PRACK", "REFER", "UPDATE"))
"""Methods that pass inside calls only."""


def carry_calls(
    front_end: FrontEnd,
    telephony: Telephony,
    addresses: OwnAddresses,
    registrations: Registrations,
    dispatch: Dispatch,
    secret: bytes,
    start: Callable[[Coroutine[Any, Any, None]], object],
) -> CallProxy:
    """Every INVITE that nobody else takes and that is to no conference is a call.  Comes last, therefore."""
    lines, hops = telephony.lines, Hops(registrations.ways)
    wires = Wires(lines, addresses, Tokens(secret), hops, front_end.domains, start)
    telephony.join(wires)
    proxy = CallProxy(wires, front_end.calls, telephony.plan, dispatch.sender)

    def is_call(request: Request) -> bool:
        return not front_end.is_conference(request.target.host)

    dispatch.invite.append((is_call, proxy.invite))
    dispatch.owners += [proxy.inside, telephony.desk_phones]
    dispatch.inside |= INSIDE
    return proxy
