"""What everybody may have done about their own sign-ins, and about nobody else's."""

from __future__ import annotations

from .....bridges.xmpp.commands.own import DEVICES, FORGET
from .....core.registrar import Binding
from ....people import ALICE, BOB, Desk, at
from .commanding import Reply, command


async def test_where_one_is_signed_in(house):
    bob = await house.client(BOB)
    await house.client(ALICE)
    house.front_end.registrar.bind(Binding(at(BOB, "phone"), Desk(), client="A phone", remote="192.0.2.7"))
    reply = await command(bob, DEVICES)
    assert isinstance(reply, Reply) and reply.status == "completed" and reply.form is not None
    rows = [
        [value.text or "" for value in item.iter("{jabber:x:data}value")]
        for item in reply.form.iter("{jabber:x:data}item")
    ]
    assert [row[0] for row in rows] == ["desk", "phone"] and rows[1] == ["phone", "A phone", "192.0.2.7"]


async def test_all_clients_need_the_password_again(house):
    tokens = house.front_end.accounts.tokens
    for who in (ALICE, BOB):
        await tokens.issue(who, "a phone", "HT-SHA-256-NONE")
    reply = await command(await house.client(BOB), FORGET)
    assert isinstance(reply, Reply) and reply.note.endswith(": 1.")
    assert await tokens.candidates(BOB, "a phone", "HT-SHA-256-NONE") == ()
    assert await tokens.candidates(ALICE, "a phone", "HT-SHA-256-NONE") != ()
