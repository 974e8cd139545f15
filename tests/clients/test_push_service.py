"""A push service made with slixmpp, a component of ours (XEP-0114), wakes somebody's phone (XEP-0357)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from slixmpp import ComponentXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from ...bridges.xmpp.components.options import GatewayOptions, GatewaysOptions
from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...bridges.xmpp.push.registrations import KIND
from ..bridges.xmpp.socket_client import trusting
from ..people import ALICE, BOB, DOMAIN
from ..stage import PASSWORD, front_end_in, say
from .program import until
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

PUSH, SECRET = f"push.{DOMAIN}", "a secret between the two of us"
PUBSUB = "http://jabber.org/protocol/pubsub"


class PushService(ComponentXMPP):  # type: ignore[misc]
    """Keeps what is published, until it refuses."""

    def __init__(self, port: int) -> None:
        super().__init__(PUSH, SECRET, "127.0.0.1", port, fix_error_ns=False)
        self.attached = asyncio.Event()
        self.published: list[Any] = []
        self.refuses = False
        self.add_event_handler("session_start", lambda _: self.attached.set())
        where = MatchXPath(f"{{{self.default_ns}}}iq/{{{PUBSUB}}}pubsub")
        self.register_handler(Callback("publish", where, self._take))

    def _take(self, iq: Any) -> None:
        self.published.append(iq)
        reply = iq.reply()
        if self.refuses:
            reply.error()
            reply["error"]["type"], reply["error"]["condition"] = "cancel", "item-not-found"
        reply.send()


async def test_a_phone_is_woken_until_its_service_refuses(tmp_path: Path) -> None:
    gateways = GatewaysOptions(port=0, domains={PUSH: GatewayOptions(SECRET)})
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, gateways=gateways))
    async with front_end_in(tmp_path, bridge) as front_end:
        service = PushService(bridge.ports["gateways"])
        service.connect()
        await asyncio.wait_for(service.attached.wait(), 40)

        phone = Slix(f"bob@{DOMAIN}/phone", PASSWORD, "")
        phone.ssl_context = trusting()
        await phone.sign_in(bridge.ports["starttls"])
        await until(lambda: bridge.services and bridge.services.router.abroad.serves(PUSH), "the way to the service")
        iq = phone.Iq()
        iq["type"] = "set"
        iq.set_payload(fromstring(f"<enable xmlns='urn:xmpp:push:0' jid='{PUSH}' node='n1'/>"))
        assert (await iq.send())["type"] == "result"
        await say(front_end, ALICE, BOB, "you see this")
        await phone.hears(str(ALICE), "you see this")
        await phone.leave()
        await until(lambda: not front_end.registrar.of(BOB), "Bob to be away")
        assert service.published == []

        await say(front_end, ALICE, BOB, "you do not see this")
        await until(lambda: service.published, "the phone to be woken")
        (told,) = service.published
        publish = told.xml.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}publish")
        assert told["from"].full == DOMAIN and publish.get("node") == "n1"
        values = [value.text for value in publish.iter("{jabber:x:data}value")]
        assert values == ["urn:xmpp:push:summary", "1"]

        service.refuses = True
        await say(front_end, ALICE, BOB, "nor this")
        await until(lambda: len(service.published) == 2, "the phone to be woken again")
        async with asyncio.timeout(40):
            while await front_end.store.documents(KIND):
                await asyncio.sleep(0.05)
        service.disconnect()
        await asyncio.wait_for(service.disconnected, 10)
