"""A provider that does not know its own people: only those are heard whom somebody here wants to hear."""

from __future__ import annotations

from typing import Any

import pytest

from .....bridges.xmpp.federation.options import PartnerOptions
from .....core.contacts import Subscription
from .houses import HERE, THERE, House, Town, until
from .stranger import Stranger

ANN, BOB = f"ann@{HERE}", f"bob@{THERE}"
ROOM = f"r@conference.{HERE}"


@pytest.fixture
async def here(town: Town) -> House:
    partner = PartnerOptions(ca=str(town.authority.file), kind="public-unverified")
    return await town.start(HERE, partners={THERE: partner})


@pytest.fixture
async def there(town: Town, here: House) -> House:
    return await town.start(THERE, HERE)


async def is_turned_away(here: House, there: House) -> None:
    """What bob says is answered as if nobody was there."""
    before = len(there.arrivals.stanzas)
    there.say("buy my things", ANN, "bob")
    await until(lambda: len(there.arrivals.stanzas) > before)
    answer = there.arrivals.stanzas[-1]
    assert (answer.type, answer.attrs["from"]) == ("error", ANN)
    assert "service-unavailable" in str([e.tag for e in answer.tree.iter()])
    assert "buy my things" not in here.arrivals.texts


async def test_strangers_are_not_heard(here: House, there: House) -> None:
    await is_turned_away(here, there)
    there.send(f"<presence type='subscribe' from='{BOB}' to='{ANN}'/>")
    there.send(f"<iq type='get' id='1' from='{BOB}/x' to='{HERE}'><query xmlns='urn:x'/></iq>")
    await until(lambda: here.arrivals.stanzas)
    assert [s.name for s in here.arrivals.stanzas] == ["iq"]
    assert here.partner(THERE).refused == 2


@pytest.mark.parametrize(
    "known",
    [
        {"asked": True},
        {"approved": True},
        {"subscription": Subscription.TO},
        {"subscription": Subscription.FROM},
        {"subscription": Subscription.BOTH},
    ],
)
async def test_those_whom_somebody_asked_or_lets_see_are_heard(
    here: House, there: House, known: dict[str, Any]
) -> None:
    here.contacts.knows(ANN, BOB, **known)
    said = [str(number) for number in range(40)]
    for text in said:
        there.say(text, ANN, "bob")
    await until(lambda: here.arrivals.texts == said)
    there.say("hello", f"cid@{HERE}", "bob")
    await until(lambda: there.arrivals.stanzas)
    assert here.arrivals.texts == said


async def test_to_be_on_a_list_is_not_enough(here: House, there: House) -> None:
    here.contacts.knows(ANN, BOB, asking=True)
    await is_turned_away(here, there)


async def test_who_was_written_to_first_may_answer(here: House, there: House) -> None:
    here.say("hello", BOB)
    await until(lambda: there.arrivals.texts == ["hello"])
    there.say("hello yourself", ANN, "bob")
    await until(lambda: here.arrivals.texts == ["hello yourself"])


async def test_an_error_is_no_invitation(here: House, there: House) -> None:
    here.send(f"<message type='error' from='{ANN}' to='{BOB}'><body>no</body></message>")
    await until(lambda: there.arrivals.stanzas)
    await is_turned_away(here, there)


async def test_a_room_that_invites_lets_in(here: House, there: House) -> None:
    sender = f"conference.{HERE}"
    there.send(f"<presence from='{BOB}/x' to='{ROOM}/bob'/>", sender=THERE)
    there.send(f"<message from='{THERE}' to='{ROOM}'><body>x</body></message>", sender=THERE)
    await until(lambda: here.partner(THERE).refused == 2)
    here.send(f"<message from='{ROOM}' to='{BOB}'><x xmlns='urn:invitation'/></message>", sender=sender)
    await until(lambda: there.arrivals.stanzas)
    there.send(f"<presence from='{BOB}/x' to='{ROOM}/bob'/>")
    await until(lambda: here.arrivals.stanzas)


async def test_what_one_says_is_judged_in_order(town: Town, here: House) -> None:
    """Invited in between: what came before is not heard after."""
    stranger = await Stranger.proves(here.port, town.authority.certificate(THERE))
    stranger.say("".join(f"<message from='{BOB}' to='{ANN}'><body>{n}</body></message>" for n in range(20)))
    await until(lambda: here.partner(THERE).refused)
    here.federation._invited.wrote(ANN, BOB)
    stranger.say(f"<message from='{BOB}' to='{ANN}'><body>last</body></message>")
    await until(lambda: "last" in here.arrivals.texts)
    heard = here.arrivals.texts
    assert heard == [str(n) for n in range(20 - len(heard) + 1, 20)] + ["last"]
    stranger.hang_up()
