"""The whole plugin interface: one method for each hook.  A hook's name tells how it is called.

    lifespan                 a noun                     contribution: called once at start, results are joined
    authenticate             a verb                     question: in plugins.toml order; the first answer wins
    filter_message           filter_ and a noun         filter: each plugin gets what the one before it returned
    conversation_ended       a noun and a past tense    announcement: all are told; a failure harms no one else

Take only the arguments you need, by name.  All but contributions may be ``async def``.
"""

# mypy: disable-error-code="empty-body"
# A specification has no body: pluggy and hooks.py read its signature alone.

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from .hooks import HookCalls, announcement, contribution, filtering, question

if TYPE_CHECKING:
    from .access import AccessLevel
    from .call import Call
    from .cdr import CallDetailRecord
    from .contacts import Contact
    from .conversation import BecameConference, Conversation, ConversationEnded, ParticipantJoined, ParticipantLeft
    from .forwarding import CallStep, TrunkState
    from .front_end import FrontEnd
    from .identity import Endpoint, Identity
    from .message import Message
    from .presence import PresenceDocument, Publication
    from .registrar import Channel


class Hooks(HookCalls):
    # ---- contributions

    @contribution
    def lifespan(self, front_end: FrontEnd) -> AbstractAsyncContextManager[None]:
        """Run alongside the server: entered in plugins.toml order at start, left in reverse order at stop."""

    @contribution
    def routes(self, front_end: FrontEnd) -> Sequence[Any]:
        """aiohttp route definitions (``web.get("/path", handler)``) for the web server."""

    @contribution
    def addresses(self, front_end: FrontEnd) -> Sequence[tuple[str, str]]:
        """What to tell people at start: (what it is for, address), as in ("SIP over TLS", "sips:127.0.0.1:5061")."""

    @contribution
    def trunks(self, front_end: FrontEnd) -> Sequence[TrunkState]:
        """The lines to the world of telephones as they are now; asked whenever an administrator looks."""

    # ---- questions

    @question
    def authenticate(self, identity: Identity, password: str) -> bool:
        """Whether this is the person's password; None leaves the question to the next plugin, then to the store."""

    @question
    def route(self, identity: Identity) -> Channel:
        """The channel that reaches someone whose domain is not ours: a federated or bridged domain."""

    @question
    def access(self, watcher: Identity, presentity: Identity) -> AccessLevel:
        """How much the watcher may see of the presentity, before contact lists and the domain's policy decide."""

    @question
    def why_call(self, caller: Identity, callee: str) -> Sequence[CallStep]:
        """Where a call to a person or a number would ring, and why; nothing rings."""

    # ---- filters

    @filtering
    def filter_message(self, message: Message, conversation: Conversation) -> Message:
        """The message as it should go on; raise Refused to stop it, Answered to answer its sender instead."""

    @filtering
    def filter_publication(self, publication: Publication, identity: Identity) -> Publication:
        """What somebody publishes about themselves, as policy allows it."""

    @filtering
    def filter_presence(self, document: PresenceDocument, level: AccessLevel) -> PresenceDocument:
        """The document as this access level may see it; called once for each change and level, not for each watcher."""

    # ---- announcements

    @announcement
    def endpoint_signed_in(self, endpoint: Endpoint, client: str) -> None:
        """Somebody signed in somewhere."""

    @announcement
    def endpoint_signed_out(self, endpoint: Endpoint, reason: str) -> None:
        """An endpoint signed out, was lost, or its lease ended."""

    @announcement
    def conversation_started(self, conversation: Conversation) -> None:
        """Two people began to talk, or somebody opened a room."""

    @announcement
    def participant_joined(self, event: ParticipantJoined) -> None:
        """Someone entered a conversation."""

    @announcement
    def conference_began(self, event: BecameConference) -> None:
        """A third participant turned a two-party conversation into a conference."""

    @announcement
    def participant_left(self, event: ParticipantLeft) -> None:
        """Someone left a conversation."""

    @announcement
    def conversation_ended(self, event: ConversationEnded) -> None:
        """A conversation is over."""

    @announcement
    def call_started(self, call: Call) -> None:
        """Somebody calls a person or a number; it does not ring yet.  The call is what it is when you are told."""

    @announcement
    def call_answered(self, call: Call) -> None:
        """Somebody took a call: the two talk from now on."""

    @announcement
    def call_ended(self, call: Call, reason: str) -> None:
        """A call is over, answered or not; why, in plain words."""

    @announcement
    def message_said(self, message: Message, conversation: Conversation) -> None:
        """A message was accepted: it is in the journal and goes to everyone else in its conversation."""

    @announcement
    def presence_changed(self, before: PresenceDocument, after: PresenceDocument) -> None:
        """What there is to know of someone has changed; who may see it is another question."""

    @announcement
    def contact_changed(self, contact: Contact) -> None:
        """An entry of somebody's contact list has changed."""

    @announcement
    def record_closed(self, record: CallDetailRecord) -> None:
        """A call detail record is complete.  It may be told more than once; exporters read the store's outbox
        instead."""
