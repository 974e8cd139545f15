"""Commands written into a conversation, for clients that have no button for it.

``/add carol history all``, ``/who``, ``/leave``, ``/help``, and for moderators ``/moderator carol``, ``/remove carol``,
``/door locked``.  A command is a message of one line that begins with its
name.  It goes no further; its sender alone gets the answer.  A second slash says it as it is: ``//help`` tells the
others ``/help``.  Where a client keeps lines with a slash to itself, an exclamation mark does as well: ``!add carol``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from ..core.conversation import Conversation, History, Shape
from ..core.errors import Answered, HereaboutsError
from ..core.hooks import hookimpl
from ..core.identity import Identity
from ..core.message import Message

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd

SLASH = "/"
MARKS = (SLASH, "!")
"""What a command begins with."""
MAX_ADDED = 20
"""People of one ``/add``."""
MAX_LISTED = 100
"""Participants that ``/who`` lists."""

DOORS = ("open", "closed", "locked")
"""How the door of a conference may be."""

WORDS: dict[str, tuple[str, str]] = {
    "add": (
        "/add carol [history none|now|all]   bring somebody in; history: what they see of before",
        "/add carol [history none|now|all]   jemanden dazuholen; history: was er vom Bisherigen sieht",
    ),
    "who": ("/who   who takes part, and how they are", "/who   wer dabei ist und wie es um sie steht"),
    "leave": ("/leave   go, for good", "/leave   gehen, endgültig"),
    "moderator": (
        "/moderator carol   make somebody a moderator, like you",
        "/moderator carol   jemanden zum Moderator machen, wie du einer bist",
    ),
    "remove": ("/remove carol   put somebody out", "/remove carol   jemanden entfernen"),
    "door": (
        "/door open|closed|locked   who comes in: anybody, the invited, or whom a moderator brings",
        "/door open|closed|locked   wer hereinkommt: alle, Eingeladene, oder wen ein Moderator holt",
    ),
    "help": ("/help   this", "/help   das hier"),
    "off": ("{command} is switched off on this server.", "{command} ist auf diesem Server abgeschaltet."),
    "add whom": ("Whom? Like this: {usage}", "Wen? So: {usage}"),
    "added": ("{people} can read along now.", "Jetzt dabei: {people}."),
    "not added": ("{person} was not added: {reason}.", "{person} kam nicht dazu: {reason}."),
    "too many": ("At most {limit} people at once.", "Höchstens {limit} Leute auf einmal."),
    "history": (
        'history takes none, now or all, not "{given}".',
        'history nimmt none, now oder all, nicht "{given}".',
    ),
    "whom": ("Whom? Like this: {usage}", "Wen? So: {usage}"),
    "door how": ("A door is open, closed or locked.", "Eine Tür ist open, closed oder locked."),
    "not done": ("That was not done: {reason}.", "Das ging nicht: {reason}."),
    "is moderator": ("{person} is a moderator now.", "{person} moderiert jetzt."),
    "removed": ("{person} was put out.", "{person} wurde entfernt."),
    "door is": ("The door is {how} now.", "Die Tür ist jetzt {how}."),
    "left": ("You have left.", "Du bist nicht mehr dabei."),
    "conference": ("This conference is {address}", "Diese Konferenz ist {address}"),
    "and more": ("and {count} more", "und {count} weitere"),
}
"""What is answered, in English and German."""


class Commands:
    """Adding people, looking who is there, leaving, and what moderators do, by writing it into the conversation."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        add: bool = True
        """Whether participants may bring others in with /add."""
        who: bool = True
        """Whether /who lists the participants."""
        leave: bool = True
        """Whether /leave works."""
        moderator: bool = True
        """Whether moderators make others moderators with /moderator."""
        remove: bool = True
        """Whether moderators put others out with /remove."""
        door: bool = True
        """Whether moderators open, close and lock conferences with /door."""
        help: bool = True
        """Whether /help lists the commands."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._front_end: FrontEnd | None = None
        self._deeds: dict[str, Callable[[Message, Conversation, list[str], Speech], Awaitable[str]]] = {
            "add": self._add,
            "who": self._who,
            "leave": self._leave,
            "moderator": self._moderator,
            "remove": self._remove,
            "door": self._door,
            "help": self._help,
        }

    def reload(self, options: Options) -> None:
        """What is allowed from now on."""
        self.options = options

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        self._front_end = front_end
        yield

    @hookimpl
    async def filter_message(self, message: Message, conversation: Conversation) -> Message | None:
        """Do what a command says and answer its sender; leave everything else alone."""
        text = message.text.strip()
        if text[:1] not in MARKS or "\n" in text or not message.content_type.startswith("text/plain"):
            return None
        word, *arguments = text.split()
        name = word.lstrip(word[0])
        marks = len(word) - len(name)
        if name not in self._deeds or marks > 2:
            return None
        if marks == 2:
            return replace(message, text=text[1:], native=None)
        speech = await self._speech_of(message.sender)
        if not getattr(self.options, name):
            raise Answered(speech("off", command=SLASH + name))
        raise Answered(await self._deeds[name](message, conversation, arguments, speech))

    async def _add(self, message: Message, conversation: Conversation, arguments: list[str], speech: Speech) -> str:
        people, history = arguments, History.NONE
        if "history" in arguments:
            at = arguments.index("history")
            people, given = arguments[:at], " ".join(arguments[at + 1 :])
            if given not in set(History):
                return speech("history", given=given)
            history = History(given)
        if not people:
            return speech("add whom", usage=speech("add").partition("   ")[0])
        if len(people) > MAX_ADDED:
            return speech("too many", limit=MAX_ADDED)
        added, lines = [], []
        for person in people:
            try:
                who = _meant(person, message)
                await self._running.immcu.add(conversation, who, by=message.sender, history=history)
                added.append(await self._name_of(who))
            except HereaboutsError as error:
                lines.append(speech("not added", person=person, reason=error))
        if added:
            lines.insert(0, speech("added", people=", ".join(added)))
        return "\n".join(lines)

    async def _who(self, message: Message, conversation: Conversation, arguments: list[str], speech: Speech) -> str:
        lines = []
        if conversation.shape is Shape.CONFERENCE and conversation.address is not None:
            lines.append(speech("conference", address=conversation.address))
        for who in conversation.participants[:MAX_LISTED]:
            document = (await self._running.presence.view(message.sender, who)).document
            words = " ".join(filter(None, (document.availability.word, document.activity.value, document.note)))
            lines.append(f"{await self._name_of(who)}: {words}")
        more = len(conversation.participants) - MAX_LISTED
        return "\n".join([*lines, *([speech("and more", count=more)] if more > 0 else [])])

    async def _leave(self, message: Message, conversation: Conversation, arguments: list[str], speech: Speech) -> str:
        await self._running.immcu.leave(conversation, message.sender)
        return speech("left")

    async def _moderator(
        self, message: Message, conversation: Conversation, arguments: list[str], speech: Speech
    ) -> str:
        if len(arguments) != 1:
            return speech("whom", usage=speech("moderator").partition("   ")[0])
        try:
            who = _meant(arguments[0], message)
            await self._running.immcu.chair.appoint(conversation, who, message.sender, moderator=True)
        except HereaboutsError as error:
            return speech("not done", reason=error)
        return speech("is moderator", person=await self._name_of(who))

    async def _remove(self, message: Message, conversation: Conversation, arguments: list[str], speech: Speech) -> str:
        if len(arguments) != 1:
            return speech("whom", usage=speech("remove").partition("   ")[0])
        try:
            who = _meant(arguments[0], message)
            await self._running.immcu.chair.eject(conversation, who, message.sender)
        except HereaboutsError as error:
            return speech("not done", reason=error)
        return speech("removed", person=await self._name_of(who))

    async def _door(self, message: Message, conversation: Conversation, arguments: list[str], speech: Speech) -> str:
        how = " ".join(arguments)
        if how not in DOORS:
            return speech("door how")
        try:
            await self._running.immcu.chair.set_door(
                conversation, message.sender, open_door=how == "open", locked=how == "locked"
            )
        except HereaboutsError as error:
            return speech("not done", reason=error)
        return speech("door is", how=how)

    async def _help(self, message: Message, conversation: Conversation, arguments: list[str], speech: Speech) -> str:
        return "\n".join(speech(name) for name in self._deeds if getattr(self.options, name))

    @property
    def _running(self) -> FrontEnd:
        assert self._front_end is not None, "commands come while the server runs"
        return self._front_end

    async def _name_of(self, who: Identity) -> str:
        person = await self._running.accounts.person(who)
        return f"{person.name} ({who})" if person is not None and person.name else str(who)

    async def _speech_of(self, who: Identity) -> Speech:
        person = await self._running.accounts.person(who)
        return Speech(german=person is not None and person.language.lower().startswith("de"))


def _meant(person: str, message: Message) -> Identity:
    return Identity.parse(person if "@" in person else f"{person}@{message.sender.domain}")


class Speech:
    """Answers in one person's language."""

    def __init__(self, *, german: bool) -> None:
        self._german = german

    def __call__(self, key: str, **what: object) -> str:
        return WORDS[key][self._german].format(**what)


plugin = Commands
