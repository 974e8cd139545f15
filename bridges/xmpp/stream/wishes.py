"""What a client wishes for together with its sign-in (XEP-0388): a resource (XEP-0386), its session of before
(XEP-0198), a token for the next time (XEP-0484)."""

from __future__ import annotations

import uuid
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ....core.errors import BadAddress
from ..syntax import jid, xml
from ..syntax.stanza import Stanza

AGENT = f"{{{xml.SASL2}}}user-agent"
SOFTWARE = f"{{{xml.SASL2}}}software"
RESUME = f"{{{xml.STREAM_MANAGEMENT}}}resume"
ENABLE = f"{{{xml.STREAM_MANAGEMENT}}}enable"
BIND = f"{{{xml.BIND2}}}bind"
TAG = f"{{{xml.BIND2}}}tag"
CARBONS = f"{{{xml.CARBONS}}}enable"
STATES = (f"{{{xml.CLIENT_STATE}}}active", f"{{{xml.CLIENT_STATE}}}inactive")
REQUEST_TOKEN = f"{{{xml.FAST}}}request-token"
FAST = f"{{{xml.FAST}}}fast"

MAX_TAG = 64
"""Characters of a program's name that go into its resource."""
MAX_SOFTWARE = 128
"""Characters of the name a program gives itself."""


class Binding(NamedTuple):
    """A resource, and what is to be on for it from the beginning (XEP-0386 section 3.2)."""

    tag: str = ""
    carbons: bool = False
    manage: Stanza | None = None
    """Stream management's ``<enable/>``."""
    state: Stanza | None = None
    """Whether somebody looks at the client (XEP-0352)."""

    def resource(self, alias: str) -> str:
        """The tag, and behind it what keeps the client apart from others; the alias, or for want of one by chance."""
        return f"{self.tag}/{alias}" if self.tag else alias


class Wishes(NamedTuple):
    """All of them.  ``client`` names the installation, which keeps its resource and may hold tokens."""

    client: str = ""
    software: str = ""
    resume: tuple[str, str] | None = None
    """The session's id, and how much of it the client has."""
    bind: Binding | None = None
    token: str = ""
    """The mechanism a token is asked for."""
    shows_token: bool = False
    returns_token: bool = False
    """The token shown is to be good for nothing afterwards."""


def read(authenticate: Element) -> Wishes:
    """What the element wishes for; what is no such wish is ignored."""
    agent, resume = authenticate.find(AGENT), authenticate.find(RESUME)
    bind, fast, request = authenticate.find(BIND), authenticate.find(FAST), authenticate.find(REQUEST_TOKEN)
    client, software = ("", "") if agent is None else (_uuid(agent.get("id", "")), agent.findtext(SOFTWARE) or "")
    return Wishes(
        client,
        software.strip()[:MAX_SOFTWARE] if software.isprintable() else "",
        (resume.get("previd", ""), resume.get("h", "")) if resume is not None else None,
        _binding(bind) if bind is not None else None,
        request.get("mechanism", "") if request is not None else "",
        fast is not None,
        fast is not None and fast.get("invalidate") in ("1", "true"),
    )


def _binding(bind: Element) -> Binding:
    enable = bind.find(ENABLE)
    states = [kid for kid in bind if kid.tag in STATES]
    return Binding(
        _proper(bind.findtext(TAG) or ""),
        bind.find(CARBONS) is not None,
        Stanza.of(enable) if enable is not None else None,
        Stanza.of(states[0]) if states else None,
    )


def _proper(tag: str) -> str:
    """A tag that may be part of a resource; nothing where it may not."""
    if not 0 < len(tag) <= MAX_TAG:
        return ""
    try:
        return jid.prepared_resource(tag)
    except BadAddress:
        return ""


def _uuid(text: str) -> str:
    """The id of an installation, which is a UUID (XEP-0388 section 2.3); nothing where it is none."""
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else ""
    except ValueError:
        return ""
