"""One stream that we opened to another server: we prove who we are, then stanzas go, and we learn what arrived."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from ..stream.stream_error import StreamError
from ..syntax import xml
from ..syntax.framer import Header
from ..syntax.stanza import Stanza
from . import certified, dialback
from .confirmations import ENABLE, NOTHING_CAME
from .dialback import Keys, Pair, pair_of
from .limits import IDLE_TIME, PROVE_TIME
from .names import ascii_of
from .neighbour import Neighbour
from .open_stream import OpenStream
from .places import Unreached
from .states import CALLING, Ours, event_of
from .trust import Trust

if TYPE_CHECKING:
    from .link import Link


class Calls(Protocol):
    """What a stream of ours asks of the federation."""

    keys: Keys
    trust: Trust
    asking: set[tuple[Pair, str]]
    """Whom we are asking to believe us, and the ids of the streams, which the others choose."""


class Question(NamedTuple):
    """Whether they made this key for a stream to us (XEP-0220 section 2.1.2)."""

    key: str
    stream: str
    answer: asyncio.Future[bool]


class Outgoing:
    """The initiating end, for one pair of domains; with a question it asks that, and nothing else.

    ``opened`` is done when stanzas may go, and fails with Unreached.
    """

    def __init__(
        self, calls: Calls, pair: Pair, neighbour: Neighbour, *, secure: bool, question: Question | None = None
    ) -> None:
        self.pair = pair
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stream = OpenStream(pair)
        """Once it is open."""
        self._calls = calls
        self._neighbour = neighbour
        self._question = question
        self._state = Ours.SECURED if secure else Ours.CALLED
        self._began = asyncio.get_running_loop().time()
        self._id = ""
        self._link: Link

    # ---- what the link says

    @property
    def busy(self) -> bool:
        """They have little to say here."""
        return False

    def due(self) -> float | None:
        """When something should have happened."""
        if not self.opened.done() or self._question is not None:
            return self._began + PROVE_TIME
        return self.stream.confirmations.due or self.stream.spoke + IDLE_TIME

    def connected(self, link: Link) -> None:
        """There is a connection."""
        self._link = link
        if self._state is Ours.SECURED:
            self._check_certificate()
        self._open()

    def header(self, header: Header) -> None:
        """They answered."""
        major = header.attrs.get("version", "").partition(".")[0]
        if (header.ns, header.name) != (xml.STREAMS, "stream") or not major.isdecimal():
            raise StreamError("unsupported-version", "this is XMPP 1.0, over TLS")
        self._id = header.attrs.get("id", "")
        self._go("header")

    def element(self, element: Stanza) -> None:
        """What the table foresees, and nothing else."""
        event = event_of(element)
        if event == "features" and self._state is Ours.OPEN:
            return
        if event == "tls failure" or event not in CALLING[self._state]:
            raise StreamError("not-authorized", f"not now: the stream is {self._state.value}")
        if event not in ("result", "verify"):
            self._go(event)
        match event:
            case "features":
                self._offered(element)
            case "proceed":
                context = self._calls.trust.outgoing(self.pair, self._neighbour, direct=False)
                self._link.start_tls(context, ascii_of(self.pair.theirs))
            case "success":
                self._link.restart()
                self._open()
            case "sasl failure":
                self._prove()
            case "result" | "verify":
                self._answered(event, element)
            case "enabled" | "failed":
                self.stream.confirmations.numbered = event == "enabled"
                self._ready()
            case "a":
                self.stream.has(element.attrs.get("h", ""))
            case "r":
                self._link.write(NOTHING_CAME)

    def secured(self) -> None:
        """TLS is there."""
        self._go("secured")
        self._check_certificate()
        self._open()

    def unsecured(self, why: BaseException) -> None:
        """``over`` says it."""

    def tick(self, now: float) -> None:
        """They take too long, or there is nothing to say."""
        due = self.due()
        if due is None or now < due:
            return
        if not self.opened.done() or self._question is not None:
            raise StreamError("connection-timeout", "no answer")
        if self.stream.confirmations.due is None:
            self._link.close()
        elif self.stream.confirmations.numbered:
            raise StreamError("connection-timeout", "they do not say what arrived")
        else:  # whoever does not answer a ping has no way to us
            self.stream.confirmations.give_up()
            self.stream.reads_on()

    def room(self) -> None:
        """They read on."""
        self.stream.reads_on()

    def over(self, reason: str, *, clean: bool) -> None:
        """The connection is gone."""
        self._state = Ours.DONE
        self.stream.is_over = True
        self._calls.asking.discard((self.pair, self._id))
        if not self.opened.done():
            _tell(self.opened, reason)
        elif not self.opened.cancelled() and self.opened.exception() is None:
            self.stream.ended(reason, clean)
        if self._question is not None and not self._question.answer.done():
            _tell(self._question.answer, reason)

    # ---- who we are

    def _open(self) -> None:
        self._link.open({"from": self.pair.ours, "to": self.pair.theirs})

    def _check_certificate(self) -> None:
        """TLS has checked whether it is believed; whether it is theirs is checked here."""
        named = self._neighbour.named_by(self._link.certificate, self.pair.theirs)
        if self._neighbour.needs_certificate and not named:
            self._fail(f"the certificate does not name {self.pair.theirs}")

    def _offered(self, features: Stanza) -> None:
        if self._state is Ours.ASKED_FOR_TLS:
            if f"{{{xml.TLS}}}starttls" not in features.kids:
                self._fail("they do not offer TLS")
            self._link.write(certified.STARTTLS)
        elif self._state is Ours.OPEN:
            self._welcomed(features)
        elif self._question is not None:
            self._state = Ours.VERIFYING
            self._link.write(dialback.verify(self.pair, self._question.key, self._question.stream))
        elif certified.offered_in(features):
            self._link.write(certified.shown(self.pair.ours))
        else:
            self._go("instead")
            self._prove()

    def _welcomed(self, features: Stanza) -> None:
        if f"{{{xml.STREAM_MANAGEMENT}}}sm" in features.kids:
            self._state = Ours.ENABLING
            self._link.write(ENABLE)
        else:
            self._ready()

    def _prove(self) -> None:
        """By dialback: they ask our server, which is us."""
        if not self._id or len(self._id) > 1000:
            self._fail("their stream has no id")
        self._calls.asking.add((self.pair, self._id))
        key = self._calls.keys.key(self.pair.theirs, self.pair.ours, self._id)
        self._link.write(dialback.result(self.pair, key))

    def _answered(self, event: str, element: Stanza) -> None:
        """What they say of our key, or of somebody's who says to be them."""
        kind, question = element.attrs.get("type", ""), self._question
        stream = question.stream if question is not None else self._id
        # Prosody names the stream in the answer to a result, too
        same = element.attrs.get("id", stream if question is None else "") == stream
        if pair_of(element) != self.pair or not same or not kind:
            raise StreamError("invalid-from", "that is no answer to what was asked")
        self._go(event)
        if question is not None:
            if kind == "error":
                self._fail(f"they cannot say whether a key is theirs: {dialback.condition_in(element)}")
            if not question.answer.done():
                question.answer.set_result(kind == "valid")
            self._link.close()
        elif kind == "valid":
            self._calls.asking.discard((self.pair, self._id))
            self._ready()
        else:
            self._fail(f"they do not believe us: {dialback.condition_in(element) or kind}")

    def _ready(self) -> None:
        self._link.prove()
        self.stream.begin(self._link)
        if not self.opened.done():
            self.opened.set_result(None)

    def _fail(self, text: str) -> NoReturn:
        """Nothing will be sent here.  Raises StreamError, which ends the stream."""
        raise StreamError("not-authorized", text)

    def _go(self, event: str) -> None:
        """The table decides."""
        self._state = CALLING[self._state][event]


def _tell(future: asyncio.Future[Any], reason: str) -> None:
    """Whoever waits is told; it is no mistake that nobody does."""
    future.set_exception(Unreached(reason))
    future.exception()
