"""What a client that has signed in asks for: a resource (RFC 6120 section 7), or the session it had (XEP-0198)."""

from __future__ import annotations

from ....core.identity import Identity
from ..syntax import jid, xml
from ..syntax.stanza import Stanza
from .deeds import Bind, Resume


def wanted(element: Stanza, who: Identity) -> Bind | Resume:
    """Raises BadAddress for an improper resource."""
    if element.name == "resume":
        return Resume(who, element.attrs.get("previd", ""), element.attrs.get("h", ""))
    asked = element.tree[0].findtext(f"{{{xml.BIND}}}resource") or ""
    return Bind(who, jid.prepared_resource(asked) if asked else "")
