"""A front end with the cast in it, for every test that wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd


@pytest.fixture
async def front_end(tmp_path: Path) -> AsyncIterator[FrontEnd]:
    """Alice, Bob, Carol and Dave exist; nobody is signed in; no plugin is loaded."""
    from .stage import front_end_in

    async with front_end_in(tmp_path) as running:
        yield running
