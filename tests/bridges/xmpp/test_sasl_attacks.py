"""What somebody tries who is not who they say they are (SECURITY.md X5): replays, twins, downgrades, other people's
tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.stream import sasl
from ....bridges.xmpp.stream.hashed_token import NAME, HashedToken
from ....bridges.xmpp.stream.sasl import Challenge, KeyWanted, SaslError, Success, TokenWanted
from ....bridges.xmpp.stream.scram import Scram
from ....core.credentials import ScramKey
from ....core.tokens import Candidate
from ...people import ALICE, BOB
from ...stage import PASSWORD
from .quick_client import authenticate, bind, encoded, failed_with, opened, plain, shown
from .scram_client import ScramClient
from .socket_client import SASL, SocketClient
from .test_listener import Serving, quick_end, served  # noqa: F401 - fixtures
from .test_sasl import condition_of, key_of

OFFERED = ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN")


def begun(client: ScramClient, offered: tuple[str, ...] = ()) -> tuple[Scram, bytes]:
    """An exchange up to the server's first message."""
    scram = Scram("SCRAM-SHA-256", "example.test", offered=offered)
    assert isinstance(scram.respond(client.first()), KeyWanted)
    challenge = scram.answer(key_of("secret"))
    assert isinstance(challenge, Challenge)
    return scram, challenge.content


# ---- replays


def test_what_was_overheard_proves_nothing_in_another_exchange():
    client = ScramClient()
    first, said = begun(client)
    overheard = client.final(said)
    assert isinstance(first.respond(overheard), Success)
    for _ in range(5):
        again, _ = begun(client)  # with the client's own nonce once more
        assert condition_of(lambda again=again: again.respond(overheard)) == "not-authorized"


def test_a_nonce_of_the_clients_own_choice_is_not_the_whole_nonce():
    client = ScramClient()
    scram, said = begun(client)
    mine = said.decode().partition(",")[0].removeprefix("r=")
    assert mine.startswith("abc") and len(mine) >= 3 + 32
    assert condition_of(lambda: scram.respond(client.final(said, r="abc"))) == "not-authorized"


# ---- downgrades (XEP-0474)


def test_the_mechanisms_we_offered_are_part_of_the_proof():
    _, said = begun(ScramClient(), OFFERED)
    listed = b"PLAIN\x1eSCRAM-SHA-1\x1eSCRAM-SHA-256"
    assert said.endswith(b",h=" + base64.b64encode(hashlib.sha256(listed).digest()))
    assert b",h=" not in begun(ScramClient())[1]


def test_who_hides_a_mechanism_and_its_trace_is_found_out():
    client = ScramClient()
    scram, said = begun(client, OFFERED)
    less = base64.b64encode(hashlib.sha256(b"PLAIN\x1eSCRAM-SHA-1").digest())
    forged = said.rpartition(b"=")[0].rpartition(b",h=")[0] + b",h=" + less
    assert condition_of(lambda: scram.respond(client.final(forged))) == "not-authorized"


def test_a_client_that_knows_no_such_attribute_signs_in_all_the_same():
    client = ScramClient()
    scram, said = begun(client, OFFERED)
    assert isinstance(scram.respond(client.final(said)), Success)


@pytest.mark.parametrize("flag", ["p=tls-exporter", "p=tls-unique", "p=tls-server-end-point", "p="])
def test_no_channel_is_bound_that_we_cannot_look_into(flag):
    scram = Scram("SCRAM-SHA-256", "example.test", offered=OFFERED)
    assert condition_of(lambda: scram.respond(f"{flag},,n=alice,r=abc".encode())) == "malformed-request"


# ---- twins


@pytest.mark.parametrize(
    ("written", "prepared"),
    [("\u2168", "IX"), ("I\u00adX", "IX"), ("\u00aa", "a"), ("cafe\u0301", "caf\u00e9"), ("a\u00a0b", "a b")],
)
def test_a_password_that_saslprep_reads_alike_is_the_same_one(written, prepared):
    """RFC 4013 section 3: what the client prepares and what the server derived its key from are one."""
    client = ScramClient(password=prepared)
    scram = Scram("SCRAM-SHA-256", "example.test")
    scram.respond(client.first())
    challenge = scram.answer(ScramKey.derive("sha-256", written, b"salt", 4096))
    assert isinstance(challenge, Challenge)
    assert isinstance(scram.respond(client.final(challenge.content)), Success)


@pytest.mark.parametrize("name", ["\u0430lice", "alice\u200d", "al\u00adice", "alic\u0435"])
def test_a_name_that_only_looks_alike_is_somebody_else_or_nobody(name):
    scram = Scram("SCRAM-SHA-256", "example.test")
    try:
        asked = scram.respond(f"n,,n={name},r=abc".encode())
    except SaslError as failure:
        assert failure.condition == "not-authorized"
    else:
        assert isinstance(asked, KeyWanted) and asked.who != ALICE


# ---- tokens


def held(secret: str = "t0k3n", number: str = "1", *, expired: bool = False) -> Candidate:
    return Candidate(number, secret.encode(), expired)


def showing(message: bytes, *candidates: Candidate, client: str = "phone") -> sasl.Step:
    mechanism = HashedToken("example.test", client)
    asked = mechanism.respond(message)
    assert asked == TokenWanted(ALICE, client, NAME)
    return mechanism.answer(candidates)


def test_the_exchange_of_the_draft():
    step = showing(shown(ALICE, "t0k3n"), held("other", "2"), held())
    assert step == Success(ALICE, hmac.digest(b"t0k3n", b"Responder", "sha256"), "1")


@pytest.mark.parametrize(
    ("message", "candidates", "expected"),
    [
        (shown(ALICE, "t0k3n"), (), "not-authorized"),
        (shown(ALICE, "guess"), (held(),), "not-authorized"),
        (shown(ALICE, "t0k3n")[:-1], (held(),), "not-authorized"),
        (shown(ALICE, "t0k3n") + b"x", (held(),), "not-authorized"),
        (b"alice\0", (held(),), "not-authorized"),
        (b"alice\0" + hmac.digest(b"t0k3n", b"Responder", "sha256"), (held(),), "not-authorized"),
        (b"alice\0t0k3n", (held(),), "not-authorized"),
        (shown(ALICE, "t0k3n"), (held(expired=True),), "credentials-expired"),
        (shown(ALICE, "guess"), (held(expired=True),), "not-authorized"),
    ],
)
def test_what_shows_no_token(message, candidates, expected):
    assert condition_of(lambda: showing(message, *candidates)) == expected


def test_what_the_server_says_does_not_show_that_one_has_it():
    """Or who answers in the server's place could sign in with it."""
    proof = hmac.digest(b"t0k3n", b"Responder", "sha256")
    assert condition_of(lambda: showing(b"alice\0" + proof, held())) == "not-authorized"


def test_one_message_is_all():
    mechanism = HashedToken("example.test", "phone")
    mechanism.respond(shown(ALICE, "x"))
    assert condition_of(lambda: mechanism.respond(shown(BOB, "x"))) == "malformed-request"


@given(st.binary(max_size=80))
def test_garbage_shows_nothing(message):
    mechanism = HashedToken("example.test", "phone")
    try:
        if isinstance(mechanism.respond(message), TokenWanted):
            mechanism.answer((held(),))
    except SaslError as failure:
        assert failure.condition in sasl.CONDITIONS
    else:
        assert message == shown(ALICE, "t0k3n")


# ---- on the wire, both ways of carrying SASL


def as_auth(message: bytes) -> str:
    return f"<auth xmlns='{SASL}' mechanism='PLAIN'>{encoded(message)}</auth>"


def as_authenticate(message: bytes) -> str:
    return authenticate("PLAIN", message, bind())


@pytest.mark.parametrize("carried", [as_auth, as_authenticate])
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"bob\0alice\0" + PASSWORD.encode(), "invalid-authzid"),
        (b"bob@example.test\0alice\0" + PASSWORD.encode(), "invalid-authzid"),
        (b"alice@example.test/desk\0alice\0" + PASSWORD.encode(), "invalid-authzid"),
        (b"\0alice\0" + PASSWORD.encode() + b"\0", "malformed-request"),
        (b"\0ali\0ce\0" + PASSWORD.encode(), "malformed-request"),
        (f"\0alice\0{PASSWORD}".encode("utf-16-le"), "malformed-request"),
        (b"\0alice@elsewhere.test\0" + PASSWORD.encode(), "not-authorized"),
        ("\0\u0430lice\0".encode() + PASSWORD.encode(), "not-authorized"),
    ],
)
async def test_nobody_becomes_somebody_else(served: Serving, carried, message, expected):  # noqa: F811
    client = await opened(served.ports)
    client.say(carried(message))
    assert failed_with(await client.until("</failure>")) == expected
    assert served.front_end.registrar.of(ALICE) == served.front_end.registrar.of(BOB) == []
    client.close()


@pytest.mark.parametrize("carried", [as_auth, as_authenticate])
async def test_three_tries_and_both_ways_count_together(served: Serving, carried):  # noqa: F811
    client = await opened(served.ports)
    for way in (as_auth, as_authenticate, carried):
        client.say(way(plain(ALICE, "wrong")))
        said = await client.until("</failure>")
        assert failed_with(said) in ("not-authorized", "temporary-auth-failure")
    assert "policy-violation" in await client.rest()


async def test_nothing_is_said_before_tls_by_either(served: Serving):  # noqa: F811
    for carried in (as_auth, as_authenticate):
        client = await SocketClient.connect(served.ports["starttls"])
        await client.open()
        client.say(carried(plain(ALICE, PASSWORD)))
        assert failed_with(await client.until("</failure>")) == "encryption-required"
        client.close()
