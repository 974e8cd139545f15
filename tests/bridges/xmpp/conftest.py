"""A house for clients without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Alice, Bob, Carol and Dave have accounts; nobody is signed in."""
    from .house import house_in

    async with house_in(tmp_path) as running:
        yield running
