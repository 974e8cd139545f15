"""MESSAGE from people: text to the IMMCU, typing and notifications past it (RFC 3428)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.conversation import Conversation
from ....core.errors import Absent, NotFound
from ....core.identity import Endpoint, Identity
from ....core.message import Typing, Utterance
from ..errors import Refusal
from ..sign_in.gruu import Gruus, is_gruu
from ..sign_in.registration import MAX_CLIENT
from ..syntax.message import Request, Response
from ..syntax.uri import SipUri
from ..translate import identity_of
from . import bodies
from .bodies import Text
from .composing import Composing
from .exchange import Exchange
from .letters import origin_of

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MAX_TYPING = 10_000
"""People typing at a time whose notices have a lease."""


class Chat:
    """What comes in.  200 is said when the message is on the disk, 202 when it waits there for somebody absent."""

    def __init__(self, front_end: FrontEnd, exchange: Exchange, gruus: Gruus) -> None:
        self._front_end = front_end
        self._exchange = exchange
        self._gruus = gruus
        self._typing: OrderedDict[tuple[Endpoint, str], asyncio.TimerHandle] = OrderedDict()

    async def message(self, request: Request, who: Identity, instance: str) -> Response:
        """One MESSAGE.  Raises what the core refuses, and what bodies cannot be read."""
        if request.to.tag:
            raise Refusal(481, "no such session")
        sender, (to, only) = Endpoint(who, instance), self._meant(request.target)
        return await self.said(request, sender, to, only)

    async def said(self, request: Request, sender: Endpoint, to: Identity, only: str = "") -> Response:
        """The same, its sender known and also whom it is to; ``only`` names the one instance that shall have it."""
        content = bodies.read(request.content_type, request.first("Content-Encoding") or "", request.body)
        if isinstance(content, Composing):
            await self._type(sender, to, content)
        elif isinstance(content, Text):
            return await self._say(request, sender, to, only, content)
        else:
            for notification in content.all:
                self._exchange.notified(sender, notification)
        return request.reply(200)

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._typing.values():
            timer.cancel()
        self._typing.clear()

    # ---- text

    def _meant(self, uri: SipUri) -> tuple[Identity, str]:
        """Whom an address means, and where a GRUU means one instance alone, that.  Raises NotFound, BadAddress."""
        if not is_gruu(uri) or not self._front_end.ours(uri.host.lower()):
            return identity_of(uri), ""
        endpoint = self._gruus.resolve(uri)
        if endpoint is None:
            raise NotFound("this GRUU is nobody's any more")
        return endpoint.identity, endpoint.instance

    async def _must_be_there(self, sender: Identity, to: Identity, instance: str) -> None:
        """RFC 5627 section 5.3: an instance that is gone is 480.  Who is blocked learns nothing of it."""
        if self._front_end.registrar.at(Endpoint(to, instance)) is not None:
            return
        blocked = await self._front_end.contacts.level(sender, to) is AccessLevel.BLOCKED
        if blocked or not await self._front_end.accounts.exists(to):
            raise NotFound(f"there is no {to}")
        raise Absent(f"{to} is not there with this instance")

    async def _say(self, request: Request, sender: Endpoint, to: Identity, only: str, text: Text) -> Response:
        if not text.words:
            raise Refusal(400, "a MESSAGE without words")
        if only:
            await self._must_be_there(sender.identity, to, only)
        self._forget(sender, to)
        utterance = Utterance(
            sender,
            text.words,
            origin=origin_of(request, text.message_id),
            target=only,
            client=(request.first("User-Agent") or "")[:MAX_CLIENT],
        )
        message = await self._front_end.immcu.send(utterance, to)
        conversation = self._front_end.immcu.conversations.get(message.conversation)
        return request.reply(200 if await self._anybody(conversation, sender.identity) else 202)

    async def _anybody(self, conversation: Conversation | None, speaker: Identity) -> bool:
        """Whether somebody who is here hears it; somebody of another domain counts as here, for we cannot know."""
        hearers = [p for p in conversation.participants if p != speaker] if conversation is not None else []
        for who in hearers:
            if not self._front_end.ours(who.domain) or await self._front_end.registrar.anywhere(who):
                return True
        return False

    # ---- typing

    async def _type(self, sender: Endpoint, to: Identity, composing: Composing) -> None:
        """Pass it on within a conversation there is; a notice begins none."""
        conversation = await self._conversation(sender.identity, to)
        self._forget(sender, to)
        if conversation is None or sender.identity not in conversation.participants:
            return
        self._tell(conversation, sender, composing.active)
        if composing.active:
            timer = asyncio.get_running_loop().call_later(
                composing.refresh, self._fell_silent, conversation, sender, to
            )
            self._typing[sender, str(to)] = timer
            if len(self._typing) > MAX_TYPING:
                self._typing.popitem(last=False)[1].cancel()

    def _fell_silent(self, conversation: Conversation, sender: Endpoint, to: Identity) -> None:
        """RFC 3994: who does not renew the notice is idle."""
        self._forget(sender, to)
        self._tell(conversation, sender, False)

    def _tell(self, conversation: Conversation, sender: Endpoint, active: bool) -> None:
        self._front_end.immcu.tell(conversation, Typing(conversation, sender, active), sender)

    def _forget(self, sender: Endpoint, to: Identity) -> None:
        timer = self._typing.pop((sender, str(to)), None)
        if timer is not None:
            timer.cancel()

    async def _conversation(self, who: Identity, to: Identity) -> Conversation | None:
        immcu = self._front_end.immcu
        if self._front_end.is_conference(to.domain):
            return next((c for c in immcu.of(who) if c.address == to), None)
        return await immcu.between(who, to)
