"""What sign-in needs to know of accounts, and who has to wait after too many failures."""

from __future__ import annotations

import logging
import math

from ....core.accounts import Accounts
from ....core.errors import Busy
from ....core.identity import Identity
from ....core.tokens import Tokens
from .sasl import KeyWanted, Known, Question, TokenWanted

log = logging.getLogger(__name__)


class Gatekeeper:
    """Asks the accounts on behalf of an address."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @property
    def tokens(self) -> Tokens:
        """What clients keep in place of a password."""
        return self._accounts.tokens

    async def known(self, question: Question, address: str) -> Known:
        """The key, the tokens, or whether the password is right.

        Raises Busy while the address or the person has to wait.
        """
        wait = self._accounts.limited(address, question.who)
        if wait > 0:
            seconds = math.ceil(wait)
            raise Busy(f"too many sign-ins failed; try again in {seconds} s", seconds)
        if isinstance(question, KeyWanted):
            return await self._accounts.scram(question.who, question.algorithm)
        if isinstance(question, TokenWanted):
            return await self.tokens.candidates(question.who, question.client, question.mechanism)
        return await self._accounts.check_password(question.who, question.password)

    def failed(self, address: str, who: Identity | None) -> None:
        """A proof or a password was wrong, or a name nobody's."""
        log.info("a sign-in as %s from %s failed", who or "nobody", address)
        self._accounts.failed(address, who)

    def succeeded(self, address: str, who: Identity) -> None:
        """Somebody proved who they are."""
        self._accounts.succeeded(address, who)
