"""Dialogs, without a network: what either end remembers, and what it then says."""

from __future__ import annotations

import pytest

from ....plugins.sip.dialog import MAX_ROUTES, Dialog, key_of, target_of
from ....plugins.sip.errors import Refusal
from ....plugins.sip.syntax.headers import NameAddr
from ....plugins.sip.syntax.message import Request

US = NameAddr.parse("<sip:192.0.2.9>")


def invite(number: int = 7, **headers: str) -> Request:
    request = Request(
        "INVITE",
        "sip:bob@example.test",
        [
            ("Via", "SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1"),
            ("From", "<sip:alice@example.test>;tag=a"),
            ("To", "<sip:bob@example.test>"),
            ("Call-ID", "c"),
            ("CSeq", f"{number} INVITE"),
            ("Contact", "<sip:alice@192.0.2.1>"),
        ],
    )
    for name, value in headers.items():
        request.set(name.replace("_", "-"), value)
    return request


def test_who_answers_and_who_asks_have_the_same_dialog_from_both_sides() -> None:
    request = invite(Record_Route="<sip:p1.test;lr>, <sip:p2.test;lr>")
    response = request.reply(200, headers=[("Contact", US), ("Record-Route", "<sip:p1.test;lr>, <sip:p2.test;lr>")])
    theirs, ours = Dialog.asked(request, response), Dialog.answered(request, response, US)
    assert ours.key == ("c", response.to.tag, "a") and theirs.key == ("c", "a", response.to.tag)
    assert list(ours.routes) == list(reversed(theirs.routes)) == ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]
    assert (ours.target, theirs.target) == ("sip:alice@192.0.2.1", "sip:192.0.2.9")
    assert key_of(theirs.request("BYE")) == ours.key


def test_numbers_count_up_and_an_ack_has_that_of_its_invite() -> None:
    request = invite(7)
    dialog = Dialog.asked(request, request.reply(200, headers=[("Contact", US)]))
    sent = [dialog.request(method) for method in ("ACK", "INFO", "INVITE", "INFO", "ACK", "BYE")]
    assert [r.cseq.number for r in sent] == [7, 8, 9, 10, 9, 11]
    assert all(r.cseq.method == r.method and r.call_id == "c" for r in sent)


def test_what_comes_late_is_refused_and_an_ack_is_never_late() -> None:
    dialog = Dialog.answered(invite(7), invite(7).reply(200), US)
    with pytest.raises(Refusal) as refused:
        dialog.hears(invite(7))
    assert refused.value.status == 500
    ack = invite(7, CSeq="7 ACK")
    ack.method = "ACK"
    dialog.hears(ack)
    dialog.hears(invite(8, Contact="<sip:alice@192.0.2.77>"))
    assert dialog.target == "sip:alice@192.0.2.77" and dialog.heard == 8


@pytest.mark.parametrize("contact", ["*", "<mailto:a@b.c>", "<sip:a@b>, <sip:c@d>"])
def test_each_end_is_at_one_address(contact: str) -> None:
    with pytest.raises(Refusal) as refused:
        target_of(invite(Contact=contact))
    assert refused.value.status == 400


def test_a_route_set_has_a_limit() -> None:
    long = invite(Record_Route=", ".join(["<sip:p.test;lr>"] * (MAX_ROUTES + 1)))
    with pytest.raises(Refusal):
        Dialog.answered(long, long.reply(200), US)
