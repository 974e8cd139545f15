"""Two domains that talk."""

from __future__ import annotations

import pytest

from .....core.federation import LinkState
from .houses import HERE, THERE, Town, until


async def test_what_is_said_here_is_heard_there_and_what_is_said_there_is_heard_here(town: Town) -> None:
    here, there = await town.both()
    here.say("good morning", f"bob@{THERE}")
    await until(lambda: there.arrivals.texts == ["good morning"])
    there.say("to you, too", f"ann@{HERE}", "bob")
    await until(lambda: here.arrivals.texts == ["to you, too"])
    stanza = there.arrivals.stanzas[0]
    assert (
        stanza.raw
        == f"<message from='ann@{HERE}/desk' to='bob@{THERE}' type='chat'><body>good morning</body></message>".encode()
    )
    assert not here.returned and not there.returned


async def test_how_they_are_doing(town: Town) -> None:
    here, there = await town.both()
    assert here.partner(THERE).state is LinkState.IDLE
    here.say("one", f"bob@{THERE}")
    here.say("two", f"bob@{THERE}")
    await until(lambda: len(there.arrivals.texts) == 2)
    seen, back = here.partner(THERE), there.partner(HERE)
    assert (seen.protocol, seen.state, seen.sent, seen.error, seen.queued) == ("xmpp", LinkState.UP, 2, "", 0)
    assert (back.state, back.received) == (LinkState.UP, 2)
    assert here.arrivals.found_ones == [THERE]


async def test_stanzas_keep_their_order(town: Town) -> None:
    here, there = await town.both()
    said = [str(number) for number in range(300)]
    for text in said[:50]:
        here.say(text, f"bob@{THERE}")
    await until(lambda: len(there.arrivals.texts) == 50)
    for text in said[50:]:
        here.say(text, f"bob@{THERE}", f"ann{text}")
    await until(lambda: len(there.arrivals.texts) == 300)
    assert there.arrivals.texts == said


async def test_rooms_of_one_and_people_of_the_other(town: Town) -> None:
    here, there = await town.both()
    there.send(
        f"<message from='lounge@conference.{THERE}/bob' to='ann@{HERE}' type='groupchat'><body>hi</body></message>",
        sender=f"conference.{THERE}",
    )
    here.send(f"<presence from='ann@{HERE}/desk' to='lounge@conference.{THERE}/ann'/>")
    await until(lambda: here.arrivals.texts and there.arrivals.stanzas)
    assert there.arrivals.stanzas[0].name == "presence"


@pytest.mark.parametrize("domain", [HERE, f"conference.{HERE}", "nobody.example"])
async def test_domains_that_are_not_served(town: Town, domain: str) -> None:
    here, _ = await town.both()
    assert not here.federation.serves(domain)
    here.send(f"<message from='ann@{HERE}' to='x@{domain}'><body>hi</body></message>")
    assert [condition for _, condition, _ in here.returned] == ["remote-server-not-found"]
    assert here.federation.serves(THERE) and here.federation.serves(f"conference.{THERE}")
