"""slixmpp, which nobody here wrote: an administrator's commands (XEP-0050, XEP-0133), and accounts by their own people
(XEP-0077)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from slixmpp.exceptions import IqError

from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...core.front_end import FrontEnd
from ..bridges.xmpp.socket_client import trusting
from ..people import DOMAIN, who
from ..stage import PASSWORD, front_end_in
from .program import until
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

ADMIN = "http://jabber.org/protocol/admin#"
Enter = Callable[..., Awaitable[Slix]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[FrontEnd, Enter]]:
    """A server that Alice administers and where anybody may register."""
    options = XmppOptions(listen="127.0.0.1", port=0, tls_port=0, registration=True, admins=[f"alice@{DOMAIN}"])
    bridge = XmppBridge(options)
    async with front_end_in(tmp_path, bridge) as front_end, AsyncExitStack() as stack:

        async def enter(name: str, password: str = PASSWORD, **more: Any) -> Slix:
            client = Slix(f"{name}@{DOMAIN}/slix", password, "")
            client.ssl_context = trusting()
            for plugin in ("xep_0004", "xep_0050", "xep_0077"):
                client.register_plugin(plugin)
            for event, heard in more.items():
                client.add_event_handler(event, heard)
            stack.push_async_callback(client.leave)
            return await client.sign_in(bridge.ports["starttls"])

        yield front_end, enter


async def do(client: Slix, node: str, **values: Any) -> Any:
    """Fill in the form of a command, and have it done; the last answer."""
    commands = client.plugin["xep_0050"]
    answer = await commands.send_command(DOMAIN, ADMIN + node)
    command = answer["command"]
    if not values:
        return command
    assert command["status"] == "executing"
    form = command["form"]
    assert {"FORM_TYPE", *values} <= set(form.get_fields())
    form.reply()
    form["type"] = "submit"
    form.set_values(values)
    answer = await commands.send_command(
        DOMAIN, ADMIN + node, action=command["actions"].pop() if command["actions"] else "complete",
        payload=form, sessionid=command["sessionid"],
    )  # fmt: skip
    return answer["command"]


async def test_an_administrator_adds_and_removes_people(server: tuple[FrontEnd, Enter]) -> None:
    front_end, enter = server
    alice = await enter("alice")
    listed = await alice.plugin["xep_0050"].get_commands(DOMAIN)
    nodes = {item[1] for item in listed["disco_items"]["items"]}
    assert {ADMIN + "add-user", ADMIN + "delete-user", ADMIN + "announce"} <= nodes

    given = {"accountjid": f"erna@{DOMAIN}", "password": "sesame", "password-verify": "sesame"}
    assert (await do(alice, "add-user", **given))["status"] == "completed"
    erna = await enter("erna", "sesame")
    number = (await do(alice, "get-online-users-num"))["form"].get_values()
    assert number["onlineusersnum"] == "2"
    await do(alice, "announce", announcement="Cake!")
    await erna.hears(DOMAIN, "Cake!")
    await do(alice, "delete-user", accountjids=[f"erna@{DOMAIN}"])
    await until(lambda: not front_end.registrar.of(who("erna")), "Erna to be gone")
    assert not await front_end.accounts.exists(who("erna"))


async def test_nobody_else_may(server: tuple[FrontEnd, Enter]) -> None:
    _, enter = server
    bob = await enter("bob")
    listed = await bob.plugin["xep_0050"].get_commands(DOMAIN)
    assert not [item for item in listed["disco_items"]["items"] if item[1].startswith(ADMIN)]
    with pytest.raises(IqError) as refused:
        await do(bob, "add-user")
    assert refused.value.condition == "forbidden"


async def test_somebody_makes_an_account_changes_the_password_and_leaves(server: tuple[FrontEnd, Enter]) -> None:
    front_end, enter = server
    offered: list[Any] = []

    async def register(form: Any) -> None:
        offered.append(form)
        client = clients[0]
        iq = client.Iq()
        iq["type"] = "set"
        iq["register"]["username"], iq["register"]["password"] = "erna", "sesame"
        await iq.send()

    clients: list[Slix] = []
    original = Slix.sign_in

    async def remembered(client: Slix, port: int) -> Slix:
        clients.append(client)
        return await original(client, port)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Slix, "sign_in", remembered)
        erna = await enter("erna", "sesame", register=register)
    assert offered and await front_end.accounts.check_password(who("erna"), "sesame")
    await erna.plugin["xep_0077"].change_password("another", jid=DOMAIN)
    assert await front_end.accounts.check_password(who("erna"), "another")
    await erna.plugin["xep_0077"].cancel_registration(jid=DOMAIN)
    await until(lambda: not front_end.registrar.of(who("erna")), "Erna to be gone")
    assert not await front_end.accounts.exists(who("erna"))
