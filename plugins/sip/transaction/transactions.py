"""The transaction layer: which transaction a message belongs to, and one heap for all their timers."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, TypeAlias

from ..syntax.message import Request, Response
from ..transport.flow import Flow
from ..transport.limits import BUSY_RETRY, MAX_TRANSACTIONS
from .machine import State
from .transaction import Action, ClientTransaction, Key, PassUp, Send, ServerTransaction

COOKIE = "z9hG4bK"
"""RFC 3261 section 8.1.1.7: what a branch begins with when it is unique."""

MAX_STALE = 1000
"""Timers of transactions that are over, which are kept until their time comes, before they are looked for."""

Transaction: TypeAlias = ClientTransaction | ServerTransaction


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The other side wants no answer to its INVITE any more; its transaction user answers 487 now."""

    request: Request


class Effect(NamedTuple):
    """Something to do, where, and for which transaction (None: none is kept)."""

    action: Action | Cancelled
    flow: Flow
    transaction: Transaction | None


class Transactions:
    """RFC 3261 sections 17.1.3 and 17.2.3.

    A message belongs to a transaction only on the flow that carries it: knowing a branch is no key to somebody else's.
    """

    def __init__(self, limit: int = MAX_TRANSACTIONS) -> None:
        self._limit = limit
        self._open: dict[Key, Transaction] = {}
        self._of_flow: dict[Flow, set[Key]] = {}
        self._unanswered: dict[Key, Key] = {}
        self._timers: list[tuple[float, int, Key]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def next_timer(self) -> float | None:
        """When ``tick`` is due."""
        return self._timers[0][0] if self._timers else None

    def receive(self, message: Request | Response, flow: Flow, now: float) -> list[Effect]:
        """A message from the wire."""
        if isinstance(message, Response):
            return self._response(message, flow, now)
        key = server_key(message, flow)
        transaction = self._open.get(key)
        if isinstance(transaction, ServerTransaction):
            return self._follow(transaction, transaction.receive(message, now))
        if message.method == "ACK":
            return [Effect(PassUp(message), flow, None)]
        merge_key = _merge_key(message)
        refusal = self._refusal(message, key, merge_key)
        if refusal is not None:
            return [Effect(Send(bytes(refusal)), flow, None)]
        transaction = ServerTransaction(message, flow, now, key)
        transaction.merge_key = merge_key
        self._keep(transaction)
        if message.method == "CANCEL":
            return self._cancel(transaction, now)
        return [Effect(PassUp(message), flow, transaction)]

    def request(self, request: Request, flow: Flow, now: float, user: object = None, branch: str = "") -> list[Effect]:
        """A request from the transaction user.  Its top Via has the branch by which the response is found."""
        transaction = ClientTransaction(request, flow, now, (flow, branch or request.via[0].branch, request.method))
        transaction.user = user
        self._keep(transaction)
        return [Effect(action, flow, transaction) for action in transaction.send()]

    def respond(
        self, transaction: ServerTransaction, response: Response, now: float, *, keep: bool = True
    ) -> list[Effect]:
        """A response from the transaction user.

        Without ``keep`` the transaction is forgotten with a final response: it is not sent again by itself, and the
        request, when it comes again, is a new one (RFC 3261 section 8.2.7, the stateless user agent server).
        """
        if self._open.get(transaction.key) is not transaction:
            return []  # Its flow is gone, and what has its name now is another one.
        effects = self._follow(transaction, transaction.respond(response, now))
        if transaction.answered:
            self._settle(transaction)
            if not keep:
                self._forget(transaction)
        return effects

    def tick(self, now: float) -> list[Effect]:
        """What every due timer demands."""
        effects: list[Effect] = []
        while self._timers and self._timers[0][0] <= now:
            transaction = self._open.get(heapq.heappop(self._timers)[2])
            if transaction is not None:
                effects += self._follow(transaction, transaction.tick(now))
                self._arm(transaction)
        return effects

    def flow_closed(self, flow: Flow, now: float) -> list[Effect]:
        """Every transaction of the flow fails."""
        effects: list[Effect] = []
        for key in list(self._of_flow.get(flow, ())):
            transaction = self._open[key]
            effects += self._follow(transaction, transaction.transport_error(now))
            self._forget(transaction)
        return effects

    def _response(self, response: Response, flow: Flow, now: float) -> list[Effect]:
        """RFC 3261 sections 8.1.3.3 and 17.1.3: one with more Via than were sent, or that matches nothing, is dropped.

        So are strays: RFC 6026 took back what RFC 3261 section 16.7 had a proxy do with them.
        """
        transaction = self._open.get((flow, response.branch, response.cseq.method))
        if not isinstance(transaction, ClientTransaction) or transaction.vias != len(response.all("Via")):
            return []
        return self._follow(transaction, transaction.receive(response, now))

    def _refusal(self, request: Request, key: Key, merge_key: Key) -> Response | None:
        if len(self._open) >= self._limit:
            return request.reply(503, headers=[("Retry-After", BUSY_RETRY)])
        # RFC 3261 section 8.2.2.2: the same request by another way.
        if merge_key and self._unanswered.setdefault(merge_key, key) != key:
            return request.reply(482)
        return None

    def _cancel(self, cancel: ServerTransaction, now: float) -> list[Effect]:
        """RFC 3261 section 9.2."""
        invite = self._open.get((*cancel.key[:-1], "INVITE"))
        if not isinstance(invite, ServerTransaction):
            return self.respond(cancel, cancel.request.reply(481), now)
        effects = self.respond(cancel, cancel.request.reply(200), now)
        if not invite.answered:
            effects.append(Effect(Cancelled(cancel.request), invite.flow, invite))
        return effects

    def _follow(self, transaction: Transaction, actions: Sequence[Action]) -> list[Effect]:
        if transaction.state is State.TERMINATED:
            self._forget(transaction)
        else:
            self._arm(transaction)
        return [Effect(action, transaction.flow, transaction) for action in actions]

    def _keep(self, transaction: Transaction) -> None:
        self._open[transaction.key] = transaction
        self._of_flow.setdefault(transaction.flow, set()).add(transaction.key)
        self._arm(transaction)

    def _forget(self, transaction: Transaction) -> None:
        if self._open.get(transaction.key) is not transaction:
            return
        del self._open[transaction.key]
        keys = self._of_flow[transaction.flow]
        keys.discard(transaction.key)
        if not keys:
            del self._of_flow[transaction.flow]
        if isinstance(transaction, ServerTransaction):
            self._settle(transaction)
            transaction.user = None  # who refers to it in turn: no circle is left for the collector

    def _settle(self, transaction: ServerTransaction) -> None:
        """The same request by another way is no loop any more."""
        if self._unanswered.get(transaction.merge_key) == transaction.key:
            del self._unanswered[transaction.merge_key]

    def _arm(self, transaction: Transaction) -> None:
        due = transaction.next_timer
        if due is not None and due != transaction.armed:
            transaction.armed = due
            heapq.heappush(self._timers, (due, next(self._order), transaction.key))
            if len(self._timers) > 4 * len(self._open) + MAX_STALE:
                self._timers = [timer for timer in self._timers if timer[2] in self._open]
                heapq.heapify(self._timers)


def server_key(request: Request, flow: Flow) -> Key:
    """RFC 3261 section 17.2.3.  An ACK has the key of its INVITE."""
    via = request.via[0]
    method = "INVITE" if request.method == "ACK" else request.method
    if via.branch.startswith(COOKIE) and via.branch != COOKIE:
        return flow, via.branch, via.sent_by, method
    old = request.uri, request.from_.tag, request.call_id, request.cseq.number, str(via)
    return flow, *old, method


def _merge_key(request: Request) -> Key:
    """What is the same in the same request by another way; nothing for what is not compared.

    An INVITE that comes back with another Request-URI is no loop but a spiral (RFC 3261 section 16.3 item 4).
    """
    tag = request.from_.tag
    if not tag or request.to.tag or request.method == "CANCEL":
        return ()
    spiral = request.uri if request.method == "INVITE" else ""
    return request.call_id, tag, request.cseq.number, request.method, spiral
