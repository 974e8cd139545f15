"""The step that makes a message accepted: it gets its number, is on the disk, and only then is shown and announced."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from .conversation import Conversation
from .identity import Identity
from .message import Message
from .store import Accepted, Store

if TYPE_CHECKING:
    from .fan_out import FanOut
    from .hookspecs import Hooks
    from .neighbours import Neighbours


class Acceptance:
    """Messages are shown in the order of their numbers, whoever waits for them, and also when nobody does any more."""

    def __init__(self, store: Store, fan_out: FanOut, neighbours: Neighbours, hooks: Hooks) -> None:
        self._store = store
        self._fan_out = fan_out
        self._neighbours = neighbours
        self._hooks = hooks
        self._announced = bool(hooks.implemented_by("message_said"))

    def begin(
        self, message: Message, conversation: Conversation, hearers: Sequence[Identity], *, echo: bool = False
    ) -> asyncio.Future[Message]:
        """Put a message in line for its number; the future is done when it is on the disk.  Raises Busy, later Gone."""
        said: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        accepting = asyncio.ensure_future(self._store.append(message))
        accepting.add_done_callback(partial(self._accepted, said, conversation, hearers, echo))
        return said

    def _accepted(
        self,
        said: asyncio.Future[Message],
        conversation: Conversation,
        hearers: Sequence[Identity],
        echo: bool,
        accepting: asyncio.Future[Accepted],
    ) -> None:
        why = accepting.exception() if not accepting.cancelled() else asyncio.CancelledError()
        if why is not None:
            if not said.done():
                said.set_exception(why)
            return
        message, duplicate = accepting.result()
        if not duplicate:
            conversation.last_seq = max(conversation.last_seq, message.seq)
            conversation.last_said = message.sent_at
            self._fan_out.show(message, conversation, hearers, echo=echo)
            self._neighbours.said(message, hearers)
            if self._announced and not message.wordless:
                self._hooks.message_said(message=message, conversation=conversation)
        if not said.done():
            said.set_result(message)
