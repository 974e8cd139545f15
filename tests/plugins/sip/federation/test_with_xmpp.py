"""A SIP domain elsewhere, and XMPP people here: one presence, one conversation."""

from __future__ import annotations

from .....bridges.xmpp import plugin as XmppListener
from ....clients.xmpp import Slix
from ....stage import PASSWORD
from .houses import BOB, CAROL, Town, until

CAROLS, BOBS = f"sip:{CAROL}", f"sip:{BOB}"


async def test_an_xmpp_client_sees_and_talks_with_a_phone_of_another_domain(village: Town) -> None:
    town = village
    xmpp = XmppListener(XmppListener.Options(listen="127.0.0.1", port=0, tls_port=0))
    await town.start(town.here, xmpp)
    await town.start(town.there)
    carol = Slix(f"{CAROL}/here", PASSWORD, town.here.authority)
    carol.auto_authorize = None  # she answers herself
    await carol.sign_in(xmpp.ports["starttls"])
    bob = await town.there.phone(BOB)
    carol.send_presence_subscription(pto=str(BOB))
    assert await town.there.asked(BOB) == CAROL
    await town.there.front_end.contacts.grant(BOB, CAROL)
    await until(lambda: "available" in carol.sees(str(BOB)), "carol to see bob")
    await bob.subscribe(CAROLS)
    assert await town.here.asked(CAROL) == BOB
    carol.send_presence_subscription(pto=str(BOB), ptype="subscribed")
    await bob.sees("<basic>open</basic>")
    carol.send_message(str(BOB), "from XMPP to SIP, across the border", mtype="chat")
    await bob.text("from XMPP to SIP, across the border")
    await bob.say(CAROLS, "and back")
    await until(lambda: (str(BOB), "and back") in carol.said, "carol to hear bob")
    await bob.register(expires=0)
    await until(lambda: "available" not in carol.sees(str(BOB)), "carol to see that bob went")
    await carol.leave()
