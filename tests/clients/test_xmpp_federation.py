"""Our server and those of other people: Prosody and ejabberd."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ...core.federation import LinkState
from ..authority import Kind
from .our_server import OURS, our_server
from .program import until
from .street import Street, street_in

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

BOTH = pytest.mark.parametrize("program", ["prosody", "ejabberd"])
BAD: list[Kind] = ["unknown authority", "expired", "wrong name"]


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as street:
        yield street


@BOTH
async def test_both_show_certificates(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        ann.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
        await bob.hears(f"ann@{OURS}", "hello bob")
        bob.send_message(f"ann@{OURS}", "hello ann", mtype="chat")
        await ann.hears(bob.boundjid.bare, "hello ann")
        assert ours.partner(theirs).state is LinkState.UP
        assert ours.partner(theirs).sent == ours.partner(theirs).received == 1


@BOTH
@pytest.mark.parametrize(("kind", "their_kind"), [("unknown authority", "good"), ("good", "unknown authority")])
async def test_one_shows_a_certificate_that_nobody_signed(
    street: Street, program: str, kind: Kind, their_kind: Kind
) -> None:
    """Dialback: each of us is called back by the other."""
    theirs = await street.server(program, kind=their_kind, demands=False)
    async with our_server(street, theirs, kind=kind, verify="dialback") as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        ann.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
        await bob.hears(f"ann@{OURS}", "hello bob")
        bob.send_message(f"ann@{OURS}", "hello ann", mtype="chat")
        await ann.hears(bob.boundjid.bare, "hello ann")


@BOTH
@pytest.mark.parametrize("kind", BAD)
async def test_their_bad_certificate_is_not_believed(street: Street, program: str, kind: Kind) -> None:
    theirs = await street.server(program, kind=kind, demands=False)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        bob.send_message(f"ann@{OURS}", "hello ann", mtype="chat")
        ann.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
        await until(lambda: ours.partner(theirs).state is LinkState.FAILING, "the partner to fail")
        assert "certificate" in ours.partner(theirs).error
        await until(lambda: ann.errors and bob.errors, "both to be told")
        assert not ann.said and not bob.said


@BOTH
@pytest.mark.parametrize("kind", ["unknown authority", "wrong name"])
async def test_our_bad_certificate_is_not_believed(street: Street, program: str, kind: Kind) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs, kind=kind) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        ann.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
        await until(lambda: ann.errors, "ann to be told")
        assert not bob.said
