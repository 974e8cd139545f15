"""Nobody learns from time who exists: a known and an unknown person cost the same work (``benchmarks/timing.py``
measures the time itself)."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ....core.identity import Identity
from ....plugins.sip.sign_in import digest
from ...people import ALICE, DOMAIN
from .conftest import Exchange
from .phone import Phone

NOBODY = Identity("nobody", DOMAIN)
HEADERS: dict[str, list[tuple[str, object]]] = {
    "REGISTER": [],
    "MESSAGE": [("Content-Type", "text/plain")],
    "SUBSCRIBE": [("Event", "presence"), ("Contact", "<sip:x@127.0.0.1:9>")],
    "PUBLISH": [("Event", "presence")],
    "INVITE": [("Contact", "<sip:x@127.0.0.1:9>")],
}


@contextmanager
def work(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts what is slow in an answer: hashes, and what is asked of the store."""
    done: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            done[name] += 1
            return function(*args, **more)

        return counted

    store = exchange.front_end.store
    with monkeypatch.context() as patch:
        patch.setattr(digest.Algorithm, "of", counting("hash", digest.Algorithm.of))
        patch.setattr(hmac, "digest", counting("hmac", hmac.digest))
        for name in ("person", "credentials", "contacts"):
            if hasattr(store, name):
                patch.setattr(store, name, counting(name, getattr(store, name)))
        yield done


async def asked(phone: Phone, method: str, whose: Identity) -> tuple[int, int]:
    """The statuses of a request without credentials and of one with a wrong password, in somebody's name."""
    uri = f"sip:{DOMAIN}" if method == "REGISTER" else f"sip:{whose}"
    request = phone.request(method, uri, to=f"sip:{whose}", sender=f"sip:{whose}", headers=HEADERS[method])
    first = await phone.exchange(request)
    second = await phone.exchange(phone.signing(request, first, username=whose.user))
    return first.status, second.status


@pytest.mark.parametrize("method", HEADERS)
@pytest.mark.parametrize("first", [ALICE, NOBODY], ids=["known first", "unknown first"])
async def test_known_and_unknown_people_cost_the_same(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, method: str, first: Identity
) -> None:
    stranger = await exchange.phone(ALICE, registered=False, password="a wrong one")
    costs = {}
    for whose in (first, NOBODY if first is ALICE else ALICE):
        for held in ("read", "held"):  # from the store the first time, from memory the second
            with work(exchange, monkeypatch) as done:
                assert await asked(stranger, method, whose) == (401, 401)
            costs[whose, held] = dict(done)
    assert costs[ALICE, "read"] == costs[NOBODY, "read"]
    assert costs[ALICE, "held"] == costs[NOBODY, "held"]
    assert costs[ALICE, "held"]["hash"] >= 2, "a wrong password is computed, not waved away"
