"""docs/xmpp-accounts.md shows a plugin with a command; it is what it says."""

from __future__ import annotations

import re
from pathlib import Path

from .....bridges.xmpp.commands.command import Commands
from .....bridges.xmpp.options import XmppOptions
from .....bridges.xmpp.plugin import XmppBridge
from ....people import BOB
from ....stage import front_end_in
from ..house import House, Options
from .commanding import command

ROOT = Path(__file__).parents[4]


def documented() -> dict[str, object]:
    """What the example defines."""
    page = (ROOT / "docs" / "xmpp-accounts.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    package = __name__.partition(".tests.")[0]
    defined: dict[str, object] = {}
    exec(example.replace("from hereabouts.", f"from {package}."), defined)
    return defined


async def test_the_example_adds_its_command_and_takes_it_back(tmp_path):
    bakery = documented()["Bakery"]()
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0))
    async with front_end_in(tmp_path, bridge) as front_end:
        front_end.plugins["xmpp"] = bridge
        async with bakery.lifespan(front_end):
            house = House(front_end, Options())
            house.router.commands.add(bridge.commands.at("bakery:order"))
            bob = await house.client(BOB)
            begun = await command(bob, "bakery:order")
            ended = await command(bob, "bakery:order", session=begun.session, kind="plum cake")
            assert ended.note == "One plum cake for bob."
        assert bridge.commands.at("bakery:order") is None
    assert isinstance(bridge.commands, Commands)
