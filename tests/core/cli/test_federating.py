"""The command that shows how other domains are doing."""

from datetime import UTC, datetime

from ....core.federation import LinkState, Partner

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


async def test_other_domains_are_shown_by_name_whatever_their_protocol(server, terminal):
    server.federation.sources += [
        lambda: [Partner("z.example", "sip", LinkState.UP, sent=3, received=4, watched=5, since=NOON)],
        lambda: [Partner("a.example", "xmpp", LinkState.FAILING, "a.example does not answer", queued=7, since=NOON)],
    ]
    first, second, third = (await terminal("federation")).splitlines()
    assert first.split()[:3] == ["DOMAIN", "BY", "STATE"]
    assert second.split()[:3] == ["a.example", "xmpp", "failing"] and second.endswith("a.example does not answer")
    assert third.split()[:3] == ["z.example", "sip", "up"]
    (a, z) = await terminal.json("federation")
    assert (a["queued"], z["sent"], z["received"], z["watched"]) == (7, 3, 4, 5)


async def test_without_other_domains_it_says_how_to_name_them(server, terminal):
    assert "[sip.federation]" in await terminal("federation")
    assert await terminal.json("federation") == []
