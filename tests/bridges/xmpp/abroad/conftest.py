"""Domains for scenes with people of other domains."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .domains import Domain, Road


@pytest.fixture
async def domains(tmp_path: Path) -> AsyncIterator[tuple[Domain, Domain]]:
    """Ours with Alice, Bob, Carol and Dave, theirs with Juliet, the Nurse and Tybalt; nobody is signed in."""
    from .domains import two_domains

    async with two_domains(tmp_path) as both:
        yield both


@pytest.fixture
async def ours(tmp_path: Path) -> AsyncIterator[tuple[Domain, Road]]:
    """Ours, and the road to the other domain, whose words the test speaks."""
    from .domains import our_domain

    async with our_domain(tmp_path) as both:
        yield both
