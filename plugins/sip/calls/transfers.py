"""Transfers as they pass by: REFER and its NOTIFYs (RFC 3515), Replaces (RFC 3891).  Pure."""

from __future__ import annotations

from ....core.call import Party
from ....core.errors import BadAddress
from ....core.identity import Identity
from ..syntax.grammar import MalformedSip
from ..syntax.headers import NameAddr, Term
from ..syntax.message import Request
from ..translate import identity_of
from .session import MAX_REFERRALS, Session, Sessions

SIPFRAG = "message/sipfrag"


def asked(request: Request, session: Session) -> None:
    """The other side accepted to go where a REFER sends it."""
    to = request.first("Refer-To")
    if to is not None and len(session.referrals) < MAX_REFERRALS:
        session.referrals.append(to)


def arrived(notify: Request, session: Session) -> Party | None:
    """Where a transfer has led, once its NOTIFY says that somebody answered there (RFC 3515 section 2.4.5)."""
    if not session.referrals or (notify.content_type or Term("")).value != SIPFRAG:
        return None
    words = notify.body.split(None, 2)
    if len(words) < 2 or not words[0].upper().startswith(b"SIP/2.0") or not words[1].startswith(b"2"):
        return None
    return party_of(session.referrals[-1])


def continued(invite: Request, caller: Identity | None, sessions: Sessions) -> Session | None:
    """The call that a new one goes on: the one it replaces, or the one in which the caller was sent here.

    Not every phone says Referred-By (RFC 3892); that its REFER named whom it calls now is enough.
    """
    if invite.first("Replaces") is not None:
        return sessions.replaced_by(invite)
    for session in sessions:
        if any(side.end.who == caller for side in session.sides) and _names(session, invite):
            return session
    return None


def party_of(address: str) -> Party | None:
    """Whom a Refer-To names: a person, or a number."""
    try:
        uri = NameAddr.parse(address).uri
    except MalformedSip:
        return None
    try:
        return Party(identity_of(uri))
    except BadAddress:
        return Party(uri.user or uri.opaque)


def _names(session: Session, invite: Request) -> bool:
    called = party_of(f"<{invite.uri}>")
    return called is not None and any(party_of(referral) == called for referral in session.referrals)
