"""The answer to a request, as the transaction user gives it."""

from __future__ import annotations

from collections.abc import Callable

from ..syntax.message import Request, Response
from ..syntax.reasons import REASONS
from ..transport.flow import Flow
from .transaction import ServerTransaction

DISPENSABLE = (
    "Server",
    "Allow",
    "Allow-Events",
    "Supported",
    "Accept",
    "Accept-Encoding",
    "Warning",
    "Date",
    "Timestamp",
)
"""What a response can go without when the address it goes to is not proven and must not be sent more than it sent."""


class Reply:
    """Call it with a response, provisional ones first if there are any; what comes behind a final one is ignored.

    An ACK gets no answer: calling its reply does nothing.
    """

    __slots__ = (
        "_respond",
        "cancel",
        "cancelled",
        "flow",
        "on_cancel",
        "on_silence",
        "relayed",
        "request",
        "transaction",
    )

    def __init__(
        self,
        request: Request,
        flow: Flow,
        transaction: ServerTransaction | None,
        respond: Callable[[Reply, Response], None],
    ) -> None:
        self._respond = respond
        self.request = request
        self.flow = flow
        self.transaction = transaction
        self.cancelled = False
        self.cancel: Request | None = None
        """The CANCEL, once there was one."""
        self.relayed = False
        """Set by a proxy, whose responses are somebody else's: each 2xx to an INVITE goes on as it comes, and is not
        repeated here; and a cancelled INVITE is not answered here either (RFC 3261 sections 16.7 and 16.10)."""
        self.on_cancel: Callable[[], None] | None = None
        """Called when an INVITE is cancelled; unless it answers, a 487 is sent."""
        self.on_silence: Callable[[], None] | None = None
        """Called when an INVITE's 2xx was never acknowledged."""

    def __call__(self, response: Response) -> None:
        if self.transaction is not None and not self.flow.closed:
            self._respond(self, response)

    @property
    def answered(self) -> bool:
        """Whether a final response was given."""
        return self.transaction is None or self.transaction.answered


def slim(response: Response, size: int) -> Response:
    """The response with less and less of what is dispensable, until it is no larger than the size."""
    if len(bytes(response)) > size:
        response.compact = True
        response.reason = REASONS.get(response.status, "")
    for name in DISPENSABLE:
        if len(bytes(response)) <= size:
            break
        response.drop(name)
    return response
