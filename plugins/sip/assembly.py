"""How the services of SIP are joined: who answers which method, and who must know of what."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from ...core.front_end import SIGNED_OUT
from ...core.identity import Endpoint, Identity
from .dispatch import Dispatch
from .events.subscriptions import Subscriptions
from .messages.chat import Chat
from .presence.publication import Publications
from .sign_in.registration import Registrations
from .syntax.message import Request, Response
from .transport.flow import Flow

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd


def serve(
    dispatch: Dispatch,
    registrations: Registrations,
    publications: Publications,
    subscriptions: Subscriptions,
    chat: Chat,
) -> None:
    """Who answers which method."""

    async def register(request: Request, flow: Flow, who: Identity, instance: str) -> Response:
        return await registrations.register(request, flow, who)

    async def publish(request: Request, flow: Flow, who: Identity, instance: str) -> Response:
        return await publications.publish(request, who, instance)

    async def message(request: Request, flow: Flow, who: Identity, instance: str) -> Response:
        return await chat.message(request, who, instance)

    dispatch.methods |= {
        "REGISTER": register,
        "PUBLISH": publish,
        "SUBSCRIBE": subscriptions.subscribe,
        "MESSAGE": message,
    }
    dispatch.supported |= {"gruu", "outbound", "path"}
    dispatch.capabilities.append(lambda: subscriptions.allowed)


def join(
    front_end: FrontEnd, registrations: Registrations, publications: Publications, subscriptions: Subscriptions
) -> None:
    """Who must know of sign-ins and sign-outs."""

    async def signed_in(endpoint: Endpoint, flow: Flow) -> None:
        await publications.registered(endpoint)
        subscriptions.moved(endpoint, flow)
        await front_end.fan_out.catch_up(endpoint)

    front_end.registrar.departed.append(registrations.departed)
    registrations.signed_in.append(signed_in)
    registrations.moved.append(subscriptions.moved)
    registrations.signed_out.append(lambda e, why: publications.signed_out(e) if why == SIGNED_OUT else None)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
