"""Which thread of the XMPP people's choosing (RFC 6121 section 5.2.5) belongs to which conversation."""

from __future__ import annotations

MAX_THREADS = 10_000
"""Conversations whose thread is remembered; for older ones the conversation's own id is the thread."""


class Threads:
    """The newest thread named in each conversation.  A conversation where nobody named one has its id for a thread."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def note(self, conversation: str, thread: str) -> None:
        """Somebody wrote in this thread."""
        if self._names.get(conversation) != thread:
            self._names.pop(conversation, None)
            self._names[conversation] = thread
            if len(self._names) > MAX_THREADS:
                del self._names[next(iter(self._names))]

    def of(self, conversation: str) -> str:
        """The thread to name in this conversation."""
        return self._names.get(conversation, conversation)
