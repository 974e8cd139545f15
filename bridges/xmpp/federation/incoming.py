"""One stream that another server opened to us: who that is, and for which pairs of domains it may speak."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ..stream.limits import MAX_TRIES
from ..stream.management import FEATURE, Ledger, enabled
from ..stream.stream_error import StreamError
from ..syntax import jid, xml
from ..syntax.framer import Header
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import certified, dialback
from .dialback import Pair, pair_of
from .limits import MAX_IN_FLIGHT, MAX_PAIRS, MAX_PENDING, MAX_SILENCE, PROVE_TIME
from .neighbour import Neighbour
from .places import Unreached
from .reception import Reception, between
from .states import ARRIVING, Theirs, event_of

if TYPE_CHECKING:
    from .link import Link

log = logging.getLogger(__name__)


class Incoming:
    """The receiving end."""

    def __init__(self, reception: Reception, *, secure: bool) -> None:
        self._reception = reception
        self._state = Theirs.SECURED if secure else Theirs.CONNECTED
        self._began = asyncio.get_running_loop().time()
        self._id = ""
        self._named: Pair | None = None
        """Who they said they are before they proved it: that must not change on the way."""
        self._proven: dict[Pair, Neighbour] = {}
        self._pending: set[Pair] = set()
        self._ledger: Ledger | None = None
        self._work: set[asyncio.Future[None]] = set()
        self._refused = 0
        self._over = False
        self._link: Link

    # ---- what the link says

    @property
    def busy(self) -> bool:
        """Whether too much of what they said is still to be done."""
        return len(self._work) >= MAX_IN_FLIGHT

    def due(self) -> float | None:
        """Until then they must have proven who they are, or said something."""
        return self._link.heard + MAX_SILENCE if self._proven else self._began + PROVE_TIME

    def connected(self, link: Link) -> None:
        """There is a connection."""
        self._link = link

    def header(self, header: Header) -> None:
        """Who they say they are, and which of our domains they want."""
        named = between(header, self._reception)
        before = self._named
        if before is not None and (before.ours != named.ours or before.theirs not in ("", named.theirs)):
            raise StreamError("invalid-from", "the stream was between others before")
        self._go("header")
        self._id = secrets.token_urlsafe(18)
        self._link.open({"from": named.ours, "to": named.theirs or None, "id": self._id})
        self._named = named
        self._link.write(xml.element("stream:features", None, self._features(named)))

    def element(self, element: Stanza) -> None:
        """What the table foresees, and nothing else."""
        event = event_of(element)
        if event not in ARRIVING[self._state]:
            condition = "unsupported-stanza-type" if self._state is Theirs.OPEN else "not-authorized"
            raise StreamError(condition, f"not now: the stream is {self._state.value}")
        match event:
            case "stanza":
                self._stanza(element)
            case "starttls":
                self._start_tls()
            case "auth":
                self._auth(element)
            case "result":
                self._result(element)
            case "verify":
                self._verify(element)
            case _:
                self._manage(event)

    def secured(self) -> None:
        """TLS is there."""
        self._go("secured")

    def unsecured(self, why: BaseException) -> None:
        """What they showed may be good for other servers, but not at a handshake."""
        if certified.shown_in_vain(why) and self._named is not None:
            self._reception.trust.refused(self._named.theirs)

    def tick(self, now: float) -> None:
        """They take too long."""
        due = self.due()
        if due is not None and now >= due:
            if not self._proven:
                raise StreamError("connection-timeout", "nobody has said who you are")
            self._link.close()

    def room(self) -> None:
        """We have nothing to say on their stream."""

    def over(self, reason: str, *, clean: bool) -> None:
        """The connection is gone."""
        self._over = True
        for pair in self._proven:
            self._reception.leaves(pair)
        self._proven.clear()

    # ---- the beginning

    def _features(self, named: Pair) -> bytes:
        if self._state is Theirs.CLEAR:
            return xml.element("starttls", {"xmlns": xml.TLS}, xml.element("required"))
        if self._state is Theirs.OPEN:
            return dialback.FEATURE + FEATURE + certified.LIMITS
        return (certified.OFFER if self._is_certified(named) else b"") + dialback.FEATURE + certified.LIMITS

    def _start_tls(self) -> None:
        assert self._named is not None
        self._go("starttls")
        self._link.write(certified.PROCEED)
        ours, theirs = self._named
        neighbour = self._reception.neighbour_of(theirs) if theirs else None
        self._link.start_tls(self._reception.trust.incoming(ours, theirs, neighbour))

    def _is_certified(self, named: Pair) -> bool:
        neighbour = self._reception.neighbour_of(named.theirs) if named.theirs else None
        shown = self._link.certificate
        return neighbour is not None and neighbour.asked_for_certificate and neighbour.named_by(shown, named.theirs)

    def _auth(self, element: Stanza) -> None:
        """SASL EXTERNAL (RFC 6120 section 6, XEP-0178 section 3)."""
        assert self._named is not None
        refusal = certified.refusal(element, self._named.theirs, offered=self._is_certified(self._named))
        if refusal:
            self._link.write(refusal)
            self._refused += 1
            if self._refused == MAX_TRIES:
                raise StreamError("policy-violation", "too many tries")
            return
        if not self._link.quiet:
            raise StreamError("policy-violation", "something was sent before its turn")
        self._go("certified")
        self._prove(self._named)
        self._link.write(certified.SUCCESS)
        self._link.restart()

    # ---- dialback

    def _result(self, element: Stanza) -> None:
        """They ask to be believed for a pair (XEP-0220 section 2.2.1)."""
        pair = self._asked(element)
        if not self._reception.ours(pair.ours):
            self._link.write(dialback.error("result", element, "item-not-found"))
        elif self._reception.neighbour_of(pair.theirs) is None:
            self._link.write(dialback.error("result", element, "not-allowed"))
        elif len(self._pending) >= MAX_PENDING or len(self._proven) >= MAX_PAIRS:
            self._link.write(dialback.error("result", element, "resource-constraint", type="wait"))
        elif pair not in self._pending:
            self._pending.add(pair)
            key = (element.tree.text or "").strip()
            self._begin(self._call_back(pair, element, key, self._id))

    async def _call_back(self, pair: Pair, element: Stanza, key: str, stream: str) -> None:
        try:
            good = await self._reception.called_back(pair, key, stream)
        except Unreached as why:
            said = dialback.error("result", element, why.condition, type="wait")
        else:
            said = dialback.answer("result", pair, good=good)
            if good and not self._over:
                try:
                    self._prove(pair)
                except StreamError as error:
                    self._link.close(error.condition, error.text)
        finally:
            self._pending.discard(pair)
        if not self._over:
            self._link.write(said)

    def _verify(self, element: Stanza) -> None:
        """They ask whether a key is ours (XEP-0220 section 2.2.2)."""
        pair, stream = self._asked(element), element.attrs.get("id", "")
        if not self._reception.ours(pair.ours):
            self._link.write(dialback.error("verify", element, "item-not-found"))
            return
        key = (element.tree.text or "").strip()
        fits = self._reception.keys.fits(key, pair.theirs, pair.ours, stream)
        good = fits and self._reception.asks(pair, stream)
        self._link.write(dialback.answer("verify", pair, good=good, stream=stream))

    def _asked(self, element: Stanza) -> Pair:
        """The pair of a question; answers nobody asked for are not taken."""
        pair = pair_of(element)
        if pair is None:
            raise StreamError("improper-addressing")
        if "type" in element.attrs:
            raise StreamError("unsupported-stanza-type", "nobody has asked")
        return pair

    def _prove(self, pair: Pair) -> None:
        """From now on this pair may speak.  Raises StreamError."""
        neighbour = self._reception.neighbour_of(pair.theirs)
        if neighbour is None:
            raise StreamError("policy-violation", f"this server does not speak with {pair.theirs}")
        if pair not in self._proven:
            self._reception.enters(pair, neighbour)
            self._proven[pair] = neighbour
            self._link.prove()

    # ---- after

    def _stanza(self, stanza: Stanza) -> None:
        if not self._proven:
            raise StreamError("not-authorized", "nobody has said who you are")
        written = stanza.attrs.get("from"), stanza.attrs.get("to")
        if not written[0] or not written[1]:
            raise StreamError("improper-addressing", "a stanza between servers says from whom and to whom")
        number = self._ledger.hear() if self._ledger is not None else 0
        work: Awaitable[None] | None = None
        try:
            sender = jid.parse(written[0])
        except BadAddress:
            sender = Jid("", "")
        try:
            to = stanza.to
        except BadAddress:
            to = None
        if to is not None:
            pair = Pair(to.domain, sender.domain)
            neighbour = self._proven.get(pair)
            if neighbour is None:
                known = self._reception.ours(to.domain)
                raise StreamError("invalid-from" if known else "host-unknown", f"{pair.theirs} to {pair.ours}")
            work = self._reception.arrived(stanza, pair, sender, neighbour)
        else:
            self._misaddressed(stanza, sender)
        if work is not None:
            self._begin(work, number)
        elif self._ledger is not None:
            self._link.write(self._ledger.done(number))

    def _misaddressed(self, stanza: Stanza, sender: Jid) -> None:
        """An address that is none is its sender's mistake, not that of all others on the stream."""
        pair = next((pair for pair in self._proven if pair.theirs == sender.domain), None)
        if pair is None:
            raise StreamError("invalid-from", sender.domain)
        self._reception.malformed(stanza, pair)

    def _manage(self, event: str) -> None:
        """XEP-0198: they want to know what we have; coming back to a stream is not for servers."""
        if event == "enable":
            self._ledger = Ledger()
            self._link.write(enabled(self._ledger))
        elif self._ledger is not None:
            self._link.write(self._ledger.asked())

    def _begin(self, work: Awaitable[None], number: int = 0) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(lambda done: self._done(done, number))

    def _done(self, task: asyncio.Future[None], number: int) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("what a stanza of %s led to failed", self._named, exc_info=error)
        if self._over:
            return
        if number and self._ledger is not None:
            self._link.write(self._ledger.done(number))
        self._link.go_on()

    def _go(self, event: str) -> None:
        """The table decides."""
        self._state = ARRIVING[self._state][event]
