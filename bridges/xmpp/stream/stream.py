"""One client's stream, from the first byte to the last (RFC 6120): bytes and time come in, bytes and deeds come out.

It does nothing itself: whoever carries it gives it what came, does what ``next`` says, and sends what is in ``output``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..syntax import xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import binding, deeds, management, negotiation, registering
from .deeds import Deed
from .ends import Ends
from .established import Established
from .framing import TAGS, Framing
from .intake import Intake
from .limits import AFTER_SIGN_IN, BEFORE_SIGN_IN, Limits
from .management import Ledger
from .negotiation import Offer
from .patience import Patience, Verdict
from .profiles import SASL, SASL2
from .sasl import Challenge, Known, SaslError, Step, Success
from .sign_in import SignIn
from .states import BEFORE_HEADER, TRANSITIONS, WAITING, State, event_of
from .stream_error import StreamError

NOT_NOW = "something was sent before TLS or sign-in was done"


class Stream:
    """The negotiation, then the stanzas, then the end."""

    __slots__ = (
        "_bind_id",
        "_deeds",
        "_intake",
        "_offer",
        "_patience",
        "_proof",
        "_sign_in",
        "ends",
        "established",
        "identity",
        "output",
        "state",
    )

    def __init__(self, offer: Offer, now: float, *, secure: bool = False, framing: Framing = TAGS) -> None:
        self.state = State.SECURED if secure else State.CONNECTED
        self.output: list[bytes] = []
        """To be sent, in this order; each is one element, or a header, or an end."""
        self.identity: Identity | None = None
        self._offer = offer
        self._intake = Intake(framing)
        self.ends = Ends(framing, offer)
        self.established: Established | None = None
        """Once a resource is bound."""
        self._deeds: list[Deed] = []
        self._sign_in = SignIn(offer.mechanisms, offer.tokens)
        self._proof = b""
        """What is said with a success that waits for what was wished for with it."""
        self._patience = Patience(now, offer.idle_time, offer.answer_time)
        self._bind_id: str | None = None

    # ---- what comes

    def receive(self, data: bytes, now: float) -> None:
        """Bytes came."""
        self._patience.heard(now)
        if self.state is State.HANDSHAKE:
            self.end("policy-violation", NOT_NOW)
        elif self.state is not State.ENDED:
            self._intake.receive(data, now)

    def next(self, now: float) -> Deed | None:
        """What is to be done now; None until more comes."""
        while not self._deeds:
            if self.state in WAITING:
                return None
            try:
                if self.established is not None and self._intake.elements:
                    taken = self.established.taken(self._intake.elements.pop())
                    if isinstance(taken, Stanza):
                        return taken
                    self.output.extend(taken)
                elif not self._advance(now):
                    return None
            except StreamError as error:
                self.end(error.condition, error.text, extra=error.extra)
        return self._deeds.pop(0)

    # ---- what was done

    def secured(self, now: float) -> None:
        """The TLS handshake is over: all that was said before it is forgotten (RFC 6120 section 5.4.3.3)."""
        if self.state is State.HANDSHAKE:
            self._go("secured", now)
            self._restart(BEFORE_SIGN_IN)

    def answer(self, known: Known, now: float) -> None:
        """What ``Ask`` asked."""
        if self.state is State.CHECKING:
            self._sasl(lambda: self._sign_in.answer(known), now)

    def deny(self, condition: str, text: str, now: float) -> None:
        """``Ask`` was not looked into."""
        if self.state is State.CHECKING:
            self._sasl_failed(SaslError(condition, text), now)

    def entered(
        self, told: Iterable[bytes], now: float, address: Jid | None = None, ledger: Ledger | None = None
    ) -> None:
        """What was wished for with the sign-in is done, and told; with an address there is a resource already."""
        if self.state is State.ENTERING:
            assert self.identity is not None
            self._go("entered" if address is not None else "identified", now)
            if address is not None:
                self.established = Established(address, self.ends.domain, ledger)
            name = address.full if address is not None else str(self.identity)
            self.output.append(SASL2.success(self._proof, name, told))
            features = negotiation.managed_features if ledger is not None else negotiation.FEATURES[self.state]
            self.output.append(features(self._offer))

    def bound(self, address: Jid, now: float, ledger: Ledger | None = None) -> None:
        """The resource is bound; or, with a ledger, the session that was asked for goes on here."""
        if self.state is State.BINDING:
            self._go("bound", now)
            self.established = Established(address, self.ends.domain, ledger)
            told = management.resumed(ledger) if ledger else negotiation.bound(self._bind_id, address.full)
            self.output.append(told)

    def refuse(self, type: str, condition: str, text: str, now: float) -> None:
        """The resource cannot be bound (RFC 6120 sections 7.6.2 and 7.7.2)."""
        if self.state is State.BINDING:
            self.answered(xml.error_to("iq", {"id": self._bind_id}, type, condition, text), now)

    def answered(self, told: bytes, now: float) -> None:
        """What the client asked for is answered by this, and it goes on from there."""
        if self.state in (State.BINDING, State.REGISTERING):
            self._go("answered", now)
            self.output.append(told)

    def end(self, condition: str | None, text: str = "", *, reason: str = "", extra: bytes = b"") -> None:
        """Close the stream, with an error if there is a condition (RFC 6120 sections 4.4 and 4.9)."""
        if self.state is State.ENDED:
            return
        if self.state is not State.HANDSHAKE:  # in which nothing can be said
            self.output.extend(self.ends.close(condition, text, extra))
        self.state = State.ENDED
        self.established = None
        self._intake.close()
        self._deeds.append(deeds.Ended(reason or condition or "closed", text))

    # ---- time

    @property
    def due(self) -> float | None:
        """When to call ``tick``."""
        due, look = self._patience.due(self.state), self._intake.due
        return due if look is None or due is None else min(due, look)

    def tick(self, now: float) -> None:
        """Time has passed."""
        self._intake.look(now)
        match self._patience.verdict(self.state, now):
            case Verdict.LATE:
                self.end("connection-timeout", "signing in took too long")
            case Verdict.DEAD:
                self.end("connection-timeout", "no answer came", reason="no answer")
            case Verdict.REST:
                self._intake.rest()
            case Verdict.ASK if self.established is not None:
                self.output.append(self.established.ping())

    # ---- the negotiation

    def _advance(self, now: float) -> bool:
        """One step of the negotiation, or the end of what came.  Raises StreamError."""
        intake = self._intake
        if self.state in BEFORE_HEADER and intake.header is not None:
            self.output.append(self.ends.open(intake.header, self.identity))
            self._go("header", now)
            self.output.append(negotiation.FEATURES[self.state](self._offer))
        elif intake.elements:
            self._element(intake.elements.pop(), now)
        elif intake.closed:
            self.end(None, reason=deeds.SIGNED_OUT)
        else:
            return False
        return True

    def _restart(self, limits: Limits) -> None:
        self._intake.restart(limits)
        self.ends.restart()

    def _go(self, event: str, now: float) -> None:
        """The table decides."""
        self.state = TRANSITIONS[self.state][event]
        self._patience.stepped(now)

    def _element(self, element: Stanza, now: float) -> None:
        """An element of the negotiation."""
        event = event_of(element)
        if self._offer.registration and event == "stanza" and registering.is_about(element):
            event = "registration"
        if event not in TRANSITIONS[self.state]:
            return self._out_of_place(event, now)
        if event == "starttls" and not self._intake.empty:
            raise StreamError("policy-violation", NOT_NOW)
        self._go(event, now)
        match event:
            case "starttls":
                self.output.append(negotiation.PROCEED)
                self._deeds.append(deeds.StartTls())
            case "bind" | "resume":
                self._bind(element, now)
            case "registration":
                self._register(element, now)
            case _:
                self._sasl(lambda: self._sign_in.hear(element, self.ends.domain), now)

    def _out_of_place(self, event: str, now: float) -> None:
        """What the table does not foresee in this state."""
        if event in ("auth", "authenticate") and self.state is State.CLEAR:
            self._sasl_failed(SaslError("encryption-required"), now)
        elif event == "enable" and self.state is not State.CLEAR:  # before there is a resource (XEP-0198 section 3)
            self.output.append(management.failed("unexpected-request"))
        elif event == "starttls":  # a second time
            self.output.append(negotiation.TLS_FAILURE)
            self.end(None)
        elif event != "error":  # which the client's end of the stream follows
            raise StreamError("not-authorized", f"not now: the stream is {self.state.value}")

    # ---- signing in and binding

    def _sasl(self, turn: Callable[[], Step], now: float) -> None:
        try:
            step = turn()
            if isinstance(step, Success) and self._sign_in.wishes is not None:
                self.ends.check_claim(step.who)
        except SaslError as error:
            return self._sasl_failed(error, now)
        match step:
            case Challenge():
                profile = self._sign_in.profile
                self._go(profile.challenged, now)
                self.output.append(profile.challenge(step.content))
            case Success():
                self._succeed(step, now)
            case _:
                self._deeds.append(deeds.Ask(step))

    def _succeed(self, success: Success, now: float) -> None:
        if not self._intake.empty:
            self.end("policy-violation", NOT_NOW)
            return
        self.identity = success.who
        self._deeds.append(deeds.Authenticated(success.who))
        limits, wishes = AFTER_SIGN_IN._replace(stanza=self._offer.max_stanza), self._sign_in.wishes
        if wishes is None:
            self._go("success", now)
            self.output.append(SASL.success(success.content))
            self._restart(limits)
        else:
            self._go("inline success", now)
            self._proof = success.content
            self._deeds.append(deeds.Enter(success.who, wishes, success.token))
            self._intake.widen(limits)

    def _sasl_failed(self, error: SaslError, now: float) -> None:
        """RFC 6120 section 6.4.5: another try, or the end."""
        if self.state is not State.CLEAR:
            self._go("failure", now)
        self.output.append(self._sign_in.profile.failure(error.condition, error.text))
        if error.condition == "not-authorized":
            self._deeds.append(deeds.Failed(error.who))
        if self._sign_in.failed():
            self.end("policy-violation", "too many failed sign-ins")

    def _register(self, iq: Stanza, now: float) -> None:
        """XEP-0077 section 3.1; people think about a name longer than programs do."""
        taken = registering.taken(iq, self.ends.domain)
        if isinstance(taken, bytes):
            self._patience.think(now)
            self.answered(taken, now)
        else:
            self._deeds.append(taken)

    def _bind(self, iq: Stanza, now: float) -> None:
        """RFC 6120 section 7: the resource asked for, or one of ours; or the session of before."""
        assert self.identity is not None
        self._bind_id = iq.attrs.get("id")
        try:
            self._deeds.append(binding.wanted(iq, self.identity))
        except BadAddress as error:
            self.refuse("modify", "bad-request", str(error), now)
