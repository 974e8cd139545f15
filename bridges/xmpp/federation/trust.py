"""TLS with other servers: what each of them is shown, what it is asked for, and whose certificates are believed."""

from __future__ import annotations

import ssl
import time
from collections import OrderedDict
from collections.abc import Callable

from ....core.errors import SettingsError
from .dialback import Pair
from .limits import MAX_UNSHOWABLE, UNSHOWABLE_TIME
from .neighbour import Neighbour

ALPN = "xmpp-server"
"""XEP-0368 section 2: what a connection that begins in TLS is for."""

Shown = Callable[[ssl.SSLContext, str], ssl.SSLContext]
"""Lets a context show the certificate of one of our domains, after every reload too."""


class Trust:
    """A context for each of our domains and each set of authorities, made when it is needed first.

    A neighbour's certificate is checked against that neighbour's authorities alone.  That works for those who come,
    too, because they say who they are before TLS; what they say then is only whom they have to prove to be.

    Python cannot ask for a certificate without ending the handshake where the one shown is not good, be it that its
    authority did not mean it for connecting to others (no ``clientAuth``).  A domain to which that happened is not
    asked the next time: it proves itself by dialback, where the call back needs a certificate that is good for it.
    """

    def __init__(self, shown: Shown, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown = shown
        self._clock = clock
        self._contexts: dict[tuple[object, ...], ssl.SSLContext] = {}
        self._unshowable: OrderedDict[str, float] = OrderedDict()
        self.direct = shown(_server(), "")
        """For who begins in TLS: nobody knows yet who that is, so nobody is asked for anything."""
        self.direct.set_alpn_protocols([ALPN])

    def outgoing(self, pair: Pair, neighbour: Neighbour, *, direct: bool) -> ssl.SSLContext:
        """For a connection to this neighbour.  The name in its certificate is checked by ``named_by``, afterwards."""
        key = "to", pair.ours, neighbour.options.ca, neighbour.needs_certificate, direct
        if key not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.check_hostname = False
            if neighbour.needs_certificate:
                _believe(context, neighbour.options.ca, ssl.Purpose.SERVER_AUTH)
            else:
                context.verify_mode = ssl.CERT_NONE
            if direct:
                context.set_alpn_protocols([ALPN])
            self._contexts[key] = self._shown(context, pair.ours)
        return self._contexts[key]

    def incoming(self, ours: str, theirs: str, neighbour: Neighbour | None) -> ssl.SSLContext:
        """For a connection from who says to be this domain."""
        asks = neighbour is not None and neighbour.asked_for_certificate and not self._cannot_show(theirs)
        ca = neighbour.options.ca if neighbour is not None and asks else ""
        key = "from", ours, ca, asks
        if key not in self._contexts:
            context = _server()
            if asks:
                _believe(context, ca, ssl.Purpose.CLIENT_AUTH)
                context.verify_mode = ssl.CERT_OPTIONAL
            self._contexts[key] = self._shown(context, ours)
        return self._contexts[key]

    def refused(self, theirs: str) -> None:
        """The certificate that this domain showed did not do: it is not asked for one for some time."""
        self._unshowable[theirs] = self._clock() + UNSHOWABLE_TIME
        self._unshowable.move_to_end(theirs)
        if len(self._unshowable) > MAX_UNSHOWABLE:
            self._unshowable.popitem(last=False)

    def _cannot_show(self, theirs: str) -> bool:
        return self._unshowable.get(theirs, 0.0) > self._clock()


def checked(neighbour: Neighbour) -> Neighbour:
    """The neighbour.  Raises SettingsError when what its ``ca`` names holds no certificates."""
    if neighbour.options.ca:
        _believe(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), neighbour.options.ca, ssl.Purpose.SERVER_AUTH)
    return neighbour


def _server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # who comes back with a ticket would not be checked against this context's authorities
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    return context


def _believe(context: ssl.SSLContext, ca: str, purpose: ssl.Purpose) -> None:
    if not ca:
        context.load_default_certs(purpose)
        return
    try:
        context.load_verify_locations(cafile=ca)
    except OSError as wrong:  # ssl.SSLError is one
        raise SettingsError([f"[xmpp.federation] {ca} holds no certificates that can be used: {wrong}"]) from None
