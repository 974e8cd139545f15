"""Whatever is to leave leaves, is sent again, or is told to its sender."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .....bridges.xmpp.components import limits, outbox
from .....bridges.xmpp.components.outbox import Outbox

MESSAGE = b"<message from='a@b' to='c@d' type='chat'><body>hello</body></message>"
QUESTION = b"<iq from='a@b' to='c@d' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"
ANSWER = b"<iq from='a@b' to='c@d' type='result' id='1'/>"
SHOWN = b"<presence from='a@b/c' to='c@d'/>"
ASKS = b"<presence from='a@b' to='c@d' type='subscribe'/>"


class Told(list[str]):
    """What senders were told, by what they sent."""

    def of(self, name: str) -> Callable[[str, str], None]:
        return lambda condition, text: self.append(f"{name}: {condition}")


def put(box: Outbox, told: Told, *stanzas: bytes, now: float = 0) -> None:
    for number, stanza in enumerate(stanzas):
        box.put(stanza, told.of(f"{stanza[1:3].decode()}{number}"), now)


def all_of(box: Outbox) -> list[bytes]:
    taken = []
    while (raw := box.take()) is not None:
        taken.append(raw)
    return taken


def test_in_order_and_nobody_is_told_of_what_arrives() -> None:
    box, told = Outbox(0), Told()
    box.opened()
    put(box, told, MESSAGE, SHOWN, QUESTION, ANSWER)
    assert all_of(box) == [MESSAGE, SHOWN, QUESTION, ANSWER] and box.unconfirmed == 2
    box.asked()
    put(box, told, MESSAGE)
    assert all_of(box) == [MESSAGE] and box.asking
    box.answered()
    assert box.unconfirmed == 1, "what was said after the question is not confirmed by its answer"
    box.asked()
    box.answered()
    assert box.unconfirmed == 0 and told == []


def test_what_a_lost_connection_took_with_it_is_sent_again_before_what_waits() -> None:
    box, told = Outbox(0), Told()
    box.opened()
    put(box, told, MESSAGE, SHOWN, ASKS)
    assert len(all_of(box)) == 3
    put(box, told, ANSWER)
    box.lost(1)
    box.opened()
    assert all_of(box) == [MESSAGE, ASKS, ANSWER], "presence is said anew by whoever knows it"
    assert told == []


def test_a_question_is_not_asked_twice_but_its_sender_is_told() -> None:
    box, told = Outbox(0), Told()
    box.opened()
    put(box, told, QUESTION, ANSWER)
    all_of(box)
    box.lost(1)
    assert told == ["iq0: remote-server-timeout"] and len(box) == 0


def test_an_answer_that_comes_after_the_connection_was_lost_confirms_nothing() -> None:
    box, told = Outbox(0), Told()
    box.opened()
    put(box, told, MESSAGE)
    all_of(box)
    box.asked()
    box.lost(1)
    box.answered()
    box.opened()
    assert all_of(box) == [MESSAGE]


def test_who_waits_too_long_for_a_connection_is_told_and_so_is_who_comes_later() -> None:
    box, told = Outbox(0), Told()
    put(box, told, MESSAGE, now=1)
    put(box, told, SHOWN, now=20)
    box.expire(limits.WAIT_TIME)
    assert told == []
    box.expire(1 + limits.WAIT_TIME)
    assert told == ["me0: remote-server-timeout"] and len(box) == 1
    put(box, told, ASKS, now=2 + limits.WAIT_TIME)
    assert told[1:] == ["pr0: remote-server-timeout"], "there has been no connection for so long: there is no hope"


def test_with_a_connection_nothing_expires() -> None:
    box, told = Outbox(0), Told()
    box.opened()
    put(box, told, MESSAGE)
    box.expire(10_000)
    assert told == [] and len(box) == 1


def test_a_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 2)
    box, told = Outbox(0), Told()
    put(box, told, MESSAGE, MESSAGE, MESSAGE)
    assert told == ["me2: resource-constraint"] and len(box) == 2
    monkeypatch.setattr(outbox, "MAX_WAITING", 10)
    monkeypatch.setattr(outbox, "MAX_WAITING_BYTES", 3 * len(MESSAGE))
    put(box, told, MESSAGE, MESSAGE)
    assert told[1:] == ["me1: resource-constraint"] and len(box) == 3


def test_bytes_are_counted_out_again() -> None:
    box, told = Outbox(0), Told()
    for _ in range(3):
        box.opened()
        put(box, told, *[MESSAGE] * 50)
        all_of(box)
        box.lost(0)
        box.opened()
        assert all_of(box) == [MESSAGE] * 50
        box.asked()
        box.answered()
        assert box._bytes == 0 and len(box) == 0


def test_too_much_that_is_not_confirmed_lets_the_rest_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_UNCONFIRMED", 2)
    box, told = Outbox(0), Told()
    box.opened()
    put(box, told, MESSAGE, MESSAGE, MESSAGE)
    assert len(all_of(box)) == 2 and len(box) == 1
    box.asked()
    box.answered()
    assert len(all_of(box)) == 1


def test_when_the_server_stops_everybody_is_told() -> None:
    box, told = Outbox(0), Told()
    box.opened()
    put(box, told, MESSAGE, ANSWER, SHOWN, ASKS)
    box.take()
    box.close()
    assert told == ["me0: remote-server-timeout", *(f"{n}: remote-server-timeout" for n in ("iq1", "pr2", "pr3"))]
    assert len(box) == 0 and box.unconfirmed == 0


@pytest.mark.parametrize(
    ("raw", "again", "question"),
    [
        (b'<iq type="set" id="x"/>', False, True),
        (b"<iq id='type=' type = 'get'/>", False, True),
        (b"<iq type='error' id='1'><error type='get'/></iq>", False, False),
        (b"<presence id='a>b' type='subscribed'/>", True, False),
        (b"<presence><status type='subscribe'/></presence>", False, False),
        (b"<message/>", True, False),
        (b"<message type='get'/>", True, False),
    ],
)
def test_what_is_worth_sending_again(raw: bytes, again: bool, question: bool) -> None:
    box = Outbox(0)
    box.put(raw, None, 0)
    (letter,) = box._waiting
    assert (letter.again, letter.question) == (again, question)
