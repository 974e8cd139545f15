"""Questions of ours to clients (RFC 6120 section 8.2.3), and what happens with the answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from .resource import Resource
from .syntax import xml
from .syntax.stanza import Stanza

MAX_OPEN = 50
"""Questions to one client that have no answer yet; the oldest is given up for a further one."""

Then = Callable[[Stanza], None]
"""Takes the answer, a result or an error."""


def ask(resource: Resource, sender: str, payload: bytes, then: Then, *, type: str = "get") -> None:
    """Ask a client something in the name of ``sender``; a client that never answers is asked in vain."""
    id = f"ask-{secrets.token_hex(6)}"
    resource.asked[id] = then
    if len(resource.asked) > MAX_OPEN:
        del resource.asked[next(iter(resource.asked))]
    attrs = {"type": type, "id": id, "from": sender, "to": resource.session.jid}
    resource.send(xml.element("iq", attrs, payload))


def answered(resource: Resource, iq: Stanza) -> bool:
    """A client's result or error: whether it answers a question of ours."""
    then = resource.asked.pop(iq.id, None)
    if then is None:
        return False
    then(iq)
    return True
