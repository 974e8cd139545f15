"""Conferences join the SIP plugin: one function that puts the focus together and enters it where requests are given
out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ....core.identity import Endpoint
from ....core.registrar import Binding
from ..dispatch import Dispatch
from ..events.subscriptions import Subscriptions
from ..messages.chat import Chat
from ..messages.exchange import Exchange
from ..sign_in.registration import Registrations, Start
from ..syntax.message import Request, Response
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from . import roster
from .focus import Focus
from .invitations import Invitations, Places
from .referral import Referral
from .roster import ConferencePackage
from .session import SUPPORTED, Session, Wire
from .sessions import Sessions

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


def serve_conferences(
    front_end: FrontEnd,
    server: Wire,
    addresses: OwnAddresses,
    exchange: Exchange,
    registrations: Registrations,
    subscriptions: Subscriptions,
    dispatch: Dispatch,
    chat: Chat,
    factory: str,
    start: Start,
) -> Callable[[], None]:
    """Begin; what is returned ends it.  Comes before the calls, which take every INVITE that nobody else takes."""
    places, sessions = Places(addresses), Sessions(dispatch.sender, start)
    invitations = Invitations(front_end, sessions, server, places, registrations.features, start)
    focus = Focus(front_end, sessions, server, places, factory)
    referral = Referral(front_end, exchange.request, places, start)
    package = ConferencePackage(front_end, exchange, places, start)

    async def message(session: Session, request: Request, flow: Flow) -> Response:
        return await chat.said(request, session.endpoint, session.conference)

    sessions.inside |= {"MESSAGE": message, "REFER": referral.inside}
    dispatch.owners.append(sessions)
    dispatch.invite.append((focus.is_for, focus.invite))
    dispatch.methods["REFER"] = referral.refer
    dispatch.supported |= set(SUPPORTED)
    subscriptions.packages[roster.NAME] = package
    exchange.conferences = invitations
    return _listen(front_end, registrations, sessions, invitations, package)


def _listen(
    front_end: FrontEnd,
    registrations: Registrations,
    sessions: Sessions,
    invitations: Invitations,
    package: ConferencePackage,
) -> Callable[[], None]:
    """Endpoints that come and go, and conferences that change."""

    async def signed_in(endpoint: Endpoint, flow: Flow) -> None:
        package.at_home(endpoint.identity)

    def signed_out(endpoint: Endpoint, why: str) -> None:
        sessions.departed(endpoint)
        invitations.departed(endpoint)

    def departed(binding: Binding, why: str) -> None:
        package.at_home(binding.endpoint.identity)

    registrations.signed_in.append(signed_in)
    registrations.moved.append(sessions.moved)
    registrations.signed_out.append(signed_out)
    front_end.registrar.departed.append(departed)
    listeners = [sessions.changed, package.changed]
    front_end.immcu.roll.changed += listeners

    def close() -> None:
        sessions.end_all()
        front_end.registrar.departed.remove(departed)
        for listener in listeners:
            front_end.immcu.roll.changed.remove(listener)

    return close
