"""How an administrator names people and conversations: in full, or as short as is still clear."""

from __future__ import annotations

from ..conversation import Conversation
from ..errors import NotFound, Refused
from ..front_end import FrontEnd
from ..identity import Identity

SHORTEST = 4
"""Characters that must be given of a conversation's id."""


def named(front_end: FrontEnd, text: str) -> Identity:
    """Somebody; without a domain, somebody of the first one.  Raises BadAddress."""
    return Identity.parse(text if "@" in text else f"{text}@{front_end.domain_names.main}")


def ours(front_end: FrontEnd, text: str) -> Identity:
    """Somebody whose domain is served here.  Raises BadAddress, Refused."""
    who = named(front_end, text)
    if not front_end.ours(who.domain):
        domains = ", ".join(front_end.domains)
        raise Refused(f"{who.domain} is not served here; this server has {domains}")
    return who


async def existing(front_end: FrontEnd, text: str) -> Identity:
    """Somebody who has an account.  Raises BadAddress, NotFound."""
    who = named(front_end, text)
    if not await front_end.accounts.exists(who):
        raise NotFound(f"nobody is called {who}")
    return who


async def running(front_end: FrontEnd, text: str) -> Conversation:
    """An open conversation by its id, the beginning of it, or its address.  Raises NotFound."""
    open_ones = front_end.immcu.conversations
    if text in open_ones:
        return open_ones[text]
    if "@" in text:
        found = await front_end.immcu.at(Identity.parse(text))
        if found is not None:
            return found
    elif len(text) >= SHORTEST:
        begin_so = [conversation for id, conversation in open_ones.items() if id.startswith(text)]
        if len(begin_so) == 1:
            return begin_so[0]
        if begin_so:
            raise NotFound(f"{len(begin_so)} open conversations begin with {text}; give more of the id")
    raise NotFound(f"no conversation {text} is open")
