"""What a conference says about itself to clients that know only text, in the language of the person.  Pure."""

from __future__ import annotations

from collections.abc import Callable

from ....core.conversation import (
    BecameConference,
    Conversation,
    ConversationEnded,
    DoorChanged,
    Event,
    ParticipantJoined,
    ParticipantLeft,
    RoleChanged,
    SubjectChanged,
)
from ....core.identity import Identity

PHRASES = {
    "en": {
        "joined": "{who} joined. Write here to all.",
        "invited": "{by} added you to a conversation with {others}. Write here to all.",
        "you joined": "You joined a conversation with {others}. Write here to all.",
        "left": "{who} left.",
        "removed": "{who} was removed by {by}.",
        "you were removed": "You were removed from this conversation.",
        "subject": "{who} set the subject: {subject}",
        "moderator": "{who} moderates this conversation now.",
        "no moderator": "{who} does not moderate this conversation any more.",
        "you moderate": "You moderate this conversation now.",
        "you do not moderate": "You do not moderate this conversation any more.",
        "locked": "{who} locked this conversation: only a moderator brings people in.",
        "open": "{who} opened the door: anybody may come in.",
        "closed": "{who} closed the door: people come in when they are invited.",
        "ended": "This conversation has ended.",
        "nobody": "nobody else yet",
        "and": " and ",
    },
    "de": {
        "joined": "{who} ist dabei. Hier schreibst du an alle.",
        "invited": "{by} hat dich in ein Gespräch mit {others} geholt. Hier schreibst du an alle.",
        "you joined": "Du bist in einem Gespräch mit {others}. Hier schreibst du an alle.",
        "left": "{who} ist gegangen.",
        "removed": "{who} wurde von {by} entfernt.",
        "you were removed": "Du wurdest aus diesem Gespräch entfernt.",
        "subject": "{who} hat das Thema gesetzt: {subject}",
        "moderator": "{who} moderiert jetzt dieses Gespräch.",
        "no moderator": "{who} moderiert dieses Gespräch nicht mehr.",
        "you moderate": "Du moderierst jetzt dieses Gespräch.",
        "you do not moderate": "Du moderierst dieses Gespräch nicht mehr.",
        "locked": "{who} hat abgeschlossen: nur wer moderiert, holt jemanden dazu.",
        "open": "{who} hat die Tür geöffnet: wer will, kommt herein.",
        "closed": "{who} hat die Tür geschlossen: herein kommt, wer eingeladen wird.",
        "ended": "Dieses Gespräch ist beendet.",
        "nobody": "bisher niemandem sonst",
        "and": " und ",
    },
}
"""By language; the first is for everybody whose language is none of these."""
MAX_NAMED = 5
"""Other participants that are named; of more only the number is."""


def people_in(event: Event, conversation: Conversation) -> list[Identity]:
    """Whose names a phrase about this event needs."""
    match event:
        case ParticipantJoined(who=who, by=by):
            return [p for p in (who, by) if p] + conversation.participants[: MAX_NAMED + 1]
        case ParticipantLeft(who=who, by=by):
            return [p for p in (who, by) if p]
        case SubjectChanged(who=who) | RoleChanged(who=who) | DoorChanged(who=who):
            return [who]
    return []


def phrase_of(
    event: Event, conversation: Conversation, me: Identity, name: Callable[[Identity], str], language: str
) -> str:
    """The sentence for one participant, or nothing where there is nothing to say to them."""
    words = PHRASES.get(language.partition("-")[0].lower(), PHRASES["en"])
    match event:
        case ParticipantJoined(who=who) if who != me:
            return words["joined"].format(who=name(who))
        case ParticipantJoined(by=by):
            others = _list(conversation, me, name, words)
            if by is not None and by != me:
                return words["invited"].format(by=name(by), others=others)
            return words["you joined"].format(others=others)
        case ParticipantLeft(who=who, by=by) if by is not None and by != who:
            return words["you were removed"] if who == me else words["removed"].format(who=name(who), by=name(by))
        case ParticipantLeft(who=who) if who != me:
            return words["left"].format(who=name(who))
        case SubjectChanged(who=who, subject=subject) if who != me:
            return words["subject"].format(who=name(who), subject=subject)
        case RoleChanged(who=who, moderator=moderator) if who == me:
            return words["you moderate" if moderator else "you do not moderate"]
        case RoleChanged(who=who, moderator=moderator):
            return words["moderator" if moderator else "no moderator"].format(who=name(who))
        case DoorChanged(who=who, open_door=open_door, locked=locked) if who != me:
            return words["locked" if locked else "open" if open_door else "closed"].format(who=name(who))
        case ConversationEnded():
            return words["ended"]
        case BecameConference():
            return ""  # who joined follows, and says it better
    return ""


def _list(conversation: Conversation, me: Identity, name: Callable[[Identity], str], words: dict[str, str]) -> str:
    others = [p for p in conversation.participants if p != me]
    names = [name(p) for p in others[:MAX_NAMED]]
    if len(others) > MAX_NAMED:
        names.append(f"+{len(others) - MAX_NAMED}")
    if not names:
        return words["nobody"]
    return words["and"].join([*([", ".join(names[:-1])] if names[:-1] else []), names[-1]])
