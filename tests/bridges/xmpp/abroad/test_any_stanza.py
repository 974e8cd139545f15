"""Whatever another domain sends, and whatever one of our clients sends there: answered, and nobody comes to harm."""

from __future__ import annotations

import logging

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .....bridges.xmpp.syntax.stanza import Stanza
from ....people import ALICE, BOB
from ..house import ROOM
from ..test_any_stanza import settle, stanzas
from .domains import ELSEWHERE, JULIET, NURSE, our_domain
from .test_presence import knows

SENDERS = st.sampled_from([f"{JULIET}/b", f"{JULIET}/other", str(JULIET), ELSEWHERE, f"{NURSE}/\u00fc", "@", ""])
HERE = ("example.test", "conference.example.test")


@settings(phases=[Phase.generate], max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(many=st.lists(st.tuples(SENDERS, stanzas()), min_size=10, max_size=25))
async def test_any_stanza_from_elsewhere(tmp_path_factory, caplog, many):
    async with our_domain(tmp_path_factory.mktemp("any")) as (house, road):
        await knows(house, ALICE, JULIET)
        alice, bob = await house.client(ALICE), await house.client(BOB)
        await alice.send(f"<presence to='{ROOM}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        caplog.clear()
        for sender, raw in many:
            stanza = Stanza.read(raw)
            stanza.attrs["from"] = sender
            road.took()
            await house.heard(stanza)
            left = road.took()
            answers = [s for s in left if s.name == stanza.name and s.type == "error" and s.id == stanza.id]
            assert len(answers) <= 1, raw
            if stanza.type in ("error", "result") or sender in ("@", ""):
                assert answers == [], raw
            assert b"internal-server-error" not in b"".join(s.raw for s in left), raw
            assert all(s.attrs["from"].partition("/")[0].rpartition("@")[2] in HERE for s in left), raw
        assert alice.wire.ended is None and bob.wire.ended is None
        assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []
        assert (await bob.ask("<ping xmlns='urn:xmpp:ping'/>")).get("type") == "result"


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    many=st.lists(st.tuples(st.sampled_from([f"{JULIET}/b", str(JULIET), ELSEWHERE]), stanzas()), max_size=20),
    why=st.sampled_from(["", "remote-server-timeout", "gone"]),
)
async def test_any_stanza_of_ours_for_elsewhere(tmp_path_factory, caplog, many, why):
    async with our_domain(tmp_path_factory.mktemp("any")) as (house, road):
        road.why = why
        alice = await house.client(ALICE)
        caplog.clear()
        for to, raw in many:
            stanza = Stanza.read(raw)
            stanza.tree.set("to", to)
            got = await settle(alice, Stanza.of(stanza.tree).raw)
            errors = [e for e in got if e.get("type") == "error" and e.get("id", "") == stanza.id]
            assert len(errors) <= 1, raw
            if stanza.type in ("error", "result"):
                assert errors == [], raw
            left = road.took()
            assert all(s.attrs["from"].partition("/")[0] == str(ALICE) for s in left), raw
        assert alice.wire.ended is None
        assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []
