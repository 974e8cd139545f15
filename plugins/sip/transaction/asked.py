"""A request of ours that waits for its final response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ....core.errors import Undeliverable
from ..syntax.message import Response


class Asked:
    """``progress`` hears provisional responses, and an INVITE's 2xx when it comes again."""

    __slots__ = ("future", "progress")

    def __init__(self, future: asyncio.Future[Response], progress: Callable[[Response], None] | None) -> None:
        self.future = future
        self.progress = progress

    def failed(self, error: Undeliverable) -> None:
        """There will be no answer."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # nobody needs to look
