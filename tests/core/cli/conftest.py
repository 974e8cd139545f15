"""A terminal, and a server that is there or not."""

from __future__ import annotations

import pytest

from ....plugins.admin import AdminSocket
from ...stage import front_end_in
from .terminal import Terminal


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    """Somewhere without a plugins.toml."""
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path / "var")


@pytest.fixture
async def server(terminal):
    """A running server with an admin socket and the cast in it."""
    async with front_end_in(terminal.state, AdminSocket(AdminSocket.Options())) as front_end:
        yield front_end


@pytest.fixture(params=["running", "standing still"])
async def either(request, terminal):
    """The cast has accounts; the server runs, or has run."""
    async with front_end_in(terminal.state, AdminSocket(AdminSocket.Options())) as front_end:
        if request.param == "running":
            yield front_end
            return
    yield None
