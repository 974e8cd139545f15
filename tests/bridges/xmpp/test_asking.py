"""Our own questions to clients: each answer goes to who asked, once."""

from __future__ import annotations

from ....bridges.xmpp import asking
from ....bridges.xmpp.pep import interests
from ....bridges.xmpp.pep.interests import MAX_INTERESTS, interests_in
from ...people import ALICE
from .pep.asking import caps_of, explains, features, with_caps


async def test_an_answer_finds_who_asked_and_only_once(house):
    alice = await house.client(ALICE)
    resource, answers = alice.session.extra["resource"], []
    alice.got()
    asking.ask(resource, alice.bare, b"<ping xmlns='urn:xmpp:ping'/>", answers.append)
    (question,) = alice.got("iq", type="get")
    assert question.get("from") == alice.bare and question.get("to") == alice.jid
    for _ in range(2):
        await alice.send(f"<iq type='result' id='{question.get('id')}' to='{alice.bare}'/>")
    assert [answer.type for answer in answers] == ["result"]
    await alice.send(f"<iq type='error' id='never asked' to='{alice.bare}'/>")
    assert len(answers) == 1 and alice.got("iq") == []


async def test_a_client_that_never_answers_is_not_waited_for_without_end(house):
    alice = await house.client(ALICE)
    resource = alice.session.extra["resource"]
    for _ in range(asking.MAX_OPEN + 10):
        asking.ask(resource, alice.bare, b"<ping xmlns='urn:xmpp:ping'/>", print)
    assert len(resource.asked) == asking.MAX_OPEN


async def test_only_so_many_hashes_are_remembered(house, monkeypatch):
    monkeypatch.setattr(interests, "MAX_KNOWN", 1)
    alice, asked = await house.client(ALICE), []
    for node in ("urn:a", "urn:b", "urn:b", "urn:a"):
        await alice.send(with_caps(caps_of(features(node))))
        asked.append(await explains(alice, features(node)))
    assert asked == [True, True, False, True]


def test_what_features_ask_for():
    assert interests_in(["urn:a+notify", "urn:b", "+notify", "x" * 300 + "+notify"]) == {"urn:a"}
    many = [f"urn:{number}+notify" for number in range(MAX_INTERESTS + 50)]
    assert len(interests_in(many)) == MAX_INTERESTS
