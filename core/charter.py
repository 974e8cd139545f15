"""What a conference is called, and the rules that its owners gave it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .errors import TooLarge

MAX_PARTICIPANTS = 250
"""People in one conference."""
MAX_NAME = 200
"""Characters in a conference's name."""
MAX_DESCRIPTION = 1_000
"""Characters in what is said about a conference."""
MAX_SECRET = 128
"""Characters in a conference's password."""


class Whispers(enum.StrEnum):
    """Who may write to one participant alone, through the conference."""

    ANYONE = "anyone"
    PARTICIPANTS = "participants"
    """Who may speak."""
    MODERATORS = "moderators"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Charter:
    """Who comes in is decided by the conversation's door as well; these are the rules beside it."""

    name: str = ""
    description: str = ""
    language: str = ""
    persistent: bool = False
    """It goes on when the last has left: whoever comes back finds it as it was."""
    listed: bool = True
    """Whoever looks for conferences finds it."""
    moderated: bool = False
    """Who is no member only listens until a moderator lets them speak."""
    password: str = ""
    maximum: int = MAX_PARTICIPANTS
    anybody_invites: bool = False
    """Where the door is closed, members bring others in too, not only admins."""
    anybody_names: bool = True
    """Whoever speaks may change the subject, not only moderators."""
    addresses_shown: bool = True
    """Everybody sees who everybody is; otherwise only moderators do."""
    whispers: Whispers = Whispers.ANYONE
    published: bool = False
    """What is said may be read by people outside."""
    configured: bool = True
    """Its maker has said what it is to be; before that nobody else comes in."""

    def check(self) -> None:
        """Raises TooLarge for what is beyond a limit."""
        for text, limit in (
            (self.name, MAX_NAME),
            (self.language, MAX_NAME),
            (self.description, MAX_DESCRIPTION),
            (self.password, MAX_SECRET),
        ):
            if len(text) > limit:
                raise TooLarge(f"a conference's particulars have at most {limit} characters here")
        if not 1 <= self.maximum <= MAX_PARTICIPANTS:
            raise TooLarge(f"a conference has at most {MAX_PARTICIPANTS} participants")

    def __repr__(self) -> str:
        """Without the password: what is printed may end up in a log."""
        return f"<Charter {self.name!r}>"


PLAIN = Charter()
"""Of a conference that nobody gave one."""
