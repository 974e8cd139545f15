"""Federation as a part of the running server."""

from __future__ import annotations

from pathlib import Path

import pytest

from .....bridges.xmpp.federation.options import FederationOptions, PartnerOptions
from .....bridges.xmpp.options import XmppOptions
from .....bridges.xmpp.plugin import XmppBridge
from .....core.errors import SettingsError
from ....stage import front_end_in
from .houses import THERE
from .stranger import Stranger

OURS = "example.test"


def bridge(**options: object) -> XmppBridge:
    return XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, **options))  # type: ignore[arg-type]


async def test_it_is_a_carrier_while_the_server_runs(tmp_path: Path) -> None:
    federation = FederationOptions(port=0, direct_tls=True, tls_port=0, partners={THERE: PartnerOptions()})
    plugin = bridge(federation=federation)
    async with front_end_in(tmp_path, plugin) as front_end:
        assert plugin.services is not None
        abroad = plugin.services.router.abroad
        assert abroad.serves(THERE) and abroad.serves(f"conference.{THERE}") and not abroad.serves("other.example")
        assert [partner.domain for partner in front_end.federation.partners()] == [THERE]
        assert {"server", "server tls"} <= set(plugin.ports)
        port = plugin.ports["server"]
        assert ("XMPP, other servers", f"127.0.0.1:{port}") in plugin.addresses(front_end)
        stranger = await Stranger.calls(port)
        await stranger.opens(THERE, OURS)
        stranger.hang_up()
        carriers, sources = abroad.carriers, front_end.federation.sources
    assert carriers == [] and sources == []


async def test_without_a_table_nobody_is_let_in(tmp_path: Path) -> None:
    plugin = bridge()
    async with front_end_in(tmp_path, plugin) as front_end:
        assert "server" not in plugin.ports
        assert not front_end.federation.sources
        assert "XMPP, other servers" not in dict(plugin.addresses(front_end))


async def test_a_mistake_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    partners = {THERE: PartnerOptions(ca=str(tmp_path / "ca.pem"))}
    with pytest.raises(SettingsError):
        async with front_end_in(tmp_path / "state", bridge(federation=FederationOptions(port=0, partners=partners))):
            pass
