"""A conference's rules hold for phones too, whichever world made them: who comes in, who speaks, who has to go."""

from __future__ import annotations

import pytest

from .....core.charter import Charter
from .....core.conversation import Conversation
from .....core.identity import Identity
from .....core.standing import Role, Standing
from ....people import ALICE, BOB, CAROL
from ..conftest import Exchange
from ..messages.test_chat import until
from .caller import URN, call
from .test_roster import watch

LOUNGE = Identity("lounge", "conference.example.test")


async def lounge(exchange: Exchange, **charter: object) -> Conversation:
    return await exchange.front_end.immcu.open_room(LOUNGE, BOB, charter=Charter(**charter))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("charter", "status"), [({"configured": False}, 404), ({"password": "moon"}, 403), ({"maximum": 1}, 486)]
)
async def test_who_does_not_come_in(exchange: Exchange, charter: dict[str, object], status: int) -> None:
    room, alice = await lounge(exchange, **charter), await exchange.phone(ALICE, instance=URN + "1")
    assert (await call(alice, f"sip:{LOUNGE}"))[0].status == status
    assert room.participants == [BOB]


async def test_members_come_in_and_the_banned_do_not(exchange: Exchange) -> None:
    room, chair = await lounge(exchange), exchange.front_end.immcu.chair
    await chair.set_charter(room, BOB, room.charter, open_door=False)
    await chair.set_standings(room, {ALICE: Standing.MEMBER, CAROL: Standing.OUTCAST}, BOB)
    alice, carol = await exchange.phone(ALICE, instance=URN + "1"), await exchange.phone(CAROL, instance=URN + "2")
    assert (await call(alice, f"sip:{LOUNGE}"))[0].status == 200
    assert (await call(carol, f"sip:{LOUNGE}"))[0].status == 403


async def test_who_only_listens_is_told_so_and_who_is_banned_hears_bye(exchange: Exchange) -> None:
    room, chair = await lounge(exchange), exchange.front_end.immcu.chair
    alice = await exchange.phone(ALICE, instance=URN + "1")
    _, line = await call(alice, f"sip:{LOUNGE}")
    await chair.set_roles(room, {ALICE: Role.LISTENER}, BOB)
    assert (await line.ask("MESSAGE", [("Content-Type", "text/plain")], b"may I?")).status == 403
    await chair.set_roles(room, {ALICE: Role.SPEAKER}, BOB)
    assert (await line.ask("MESSAGE", [("Content-Type", "text/plain")], b"thanks")).status in (200, 202)
    await chair.set_standings(room, {ALICE: Standing.OUTCAST}, BOB)
    await until(lambda: any(request.method == "BYE" for request in alice.received))


async def test_the_roster_shows_who_moderates_now_and_how_many_may_come(exchange: Exchange) -> None:
    room, chair = await lounge(exchange, maximum=20), exchange.front_end.immcu.chair
    alice = await exchange.phone(ALICE, instance=URN + "1")
    await call(alice, f"sip:{LOUNGE}")
    assert (await watch(alice)).status == 200
    await alice.sees("<maximum-user-count>20</maximum-user-count>", f'entity="sip:{ALICE}" state="full"')
    await chair.set_roles(room, {ALICE: Role.MODERATOR}, BOB)
    await alice.sees(f'entity="sip:{ALICE}" state="partial"', "<entry>admin</entry>")
    await chair.set_roles(room, {ALICE: Role.SPEAKER}, BOB)
    await alice.sees(f'entity="sip:{ALICE}" state="partial"', "<entry>participant</entry>")
