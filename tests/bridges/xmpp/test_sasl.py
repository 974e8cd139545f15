"""SASL on the server's side: the vectors of the RFCs, and every way to cheat."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.stream import sasl
from ....bridges.xmpp.stream.sasl import Challenge, KeyWanted, PasswordWanted, Plain, SaslError, Success
from ....bridges.xmpp.stream.scram import Scram
from ....bridges.xmpp.stream.sign_in import mechanism
from ....core.credentials import ScramKey
from ....core.identity import Identity
from .scram_client import ScramClient

ALICE = Identity("alice", "example.test")
USER = Identity("user", "example.test")

# name, salt, client nonce, server nonce, client proof, server signature
VECTORS = {
    "RFC 5802 section 5": (
        "SCRAM-SHA-1",
        "QSXCR+Q6sek8bf92",
        "fyko+d2lbbFgONRv9qkxdawL",
        "3rfcNHYJY1ZVvWVs7j",
        "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "RFC 7677 section 3": (
        "SCRAM-SHA-256",
        "W22ZaJ0SNY7soEsUEjb6gQ==",
        "rOprNGfwEbeRWgbNEkqO",
        "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_the_exchanges_of_the_rfcs(vector):
    name, salt, client, server, proof, signature = vector
    scram = Scram(name, "example.test", nonce=lambda: server)
    asked = scram.respond(f"n,,n=user,r={client}".encode())
    assert asked == KeyWanted(USER, sasl.SCRAMS[name])
    key = ScramKey.derive(asked.algorithm, "pencil", base64.b64decode(salt), 4096)
    assert scram.answer(key) == Challenge(f"r={client}{server},s={salt},i=4096".encode())
    end = scram.respond(f"c=biws,r={client}{server},p={proof}".encode())
    assert end == Success(USER, f"v={signature}".encode())


def key_of(password: str, algorithm: str = "sha-256", real: bool = True) -> ScramKey:
    key = ScramKey.derive(algorithm, password, b"salt", 4096)  # type: ignore[arg-type]
    return ScramKey(key.algorithm, key.salt, key.iterations, key.stored_key, key.server_key, real=real)


def exchange(client: ScramClient, key: ScramKey | None = None, **say: str) -> sasl.Step:
    scram = Scram("SCRAM-SHA-256", "example.test")
    assert isinstance(scram.respond(client.first()), KeyWanted)
    challenge = scram.answer(key or key_of("secret"))
    assert isinstance(challenge, Challenge)
    return scram.respond(client.final(challenge.content, **say))


def condition_of(doing) -> str:
    with pytest.raises(SaslError) as failure:
        doing()
    assert failure.value.condition in sasl.CONDITIONS
    return failure.value.condition


@pytest.mark.parametrize("gs2", ["n,,", "y,,", "n,a=alice@example.test,", "n,a=ALICE@example.test,"])
def test_who_knows_the_password_is_in(gs2):
    step = exchange(ScramClient(gs2=gs2))
    assert isinstance(step, Success) and step.who == ALICE


@pytest.mark.parametrize("name", ["Alice", "ALICE", "\uff21lice", "alice@example.test"])
def test_a_name_prepared_alike_is_the_same_person(name):
    step = exchange(ScramClient(name=name))
    assert isinstance(step, Success) and step.who == ALICE


def test_names_with_commas_and_equal_signs_are_told_apart():
    scram = Scram("SCRAM-SHA-256", "example.test")
    asked = scram.respond(b"n,,n=a=2Cb=3D2C,r=abc")
    assert isinstance(asked, KeyWanted) and asked.who.user == "a,b=2c"


def test_an_unknown_person_fails_at_the_end_even_with_the_key():
    assert condition_of(lambda: exchange(ScramClient(), key_of("secret", real=False))) == "not-authorized"


@pytest.mark.parametrize(
    "say",
    [
        {"p": base64.b64encode(bytes(32)).decode()},
        {"p": base64.b64encode(bytes(20)).decode()},
        {"p": base64.b64encode(bytes(64)).decode()},
        {"p": ""},
        {"r": "abc"},
        {"r": "abcd"},
        {"c": base64.b64encode(b"y,,").decode()},
        {"c": base64.b64encode(b"n,a=bob@example.test,").decode()},
        {"c": base64.b64encode(b"p=tls-unique,,xxxx").decode()},
    ],
)
def test_a_proof_of_something_else_is_none(say):
    assert condition_of(lambda: exchange(ScramClient(), **say)) == "not-authorized"


def test_an_extension_that_is_proven_with_the_rest_is_ignored():
    assert isinstance(exchange(ScramClient(), extension=",x=y"), Success)


def test_the_wrong_password_fails():
    assert condition_of(lambda: exchange(ScramClient(password="Secret"))) == "not-authorized"


def test_every_exchange_has_its_own_nonce():
    nonces = set()
    for _ in range(100):
        scram = Scram("SCRAM-SHA-256", "example.test")
        scram.respond(ScramClient().first())
        challenge = scram.answer(key_of("x"))
        assert isinstance(challenge, Challenge)
        nonces.add(challenge.content.split(b",")[0])
    assert len(nonces) == 100


def test_a_proof_is_good_once():
    scram = Scram("SCRAM-SHA-256", "example.test")
    scram.respond(ScramClient().first())
    challenge = scram.answer(key_of("secret"))
    assert isinstance(challenge, Challenge)
    final = ScramClient().final(challenge.content)
    scram.respond(final)
    assert condition_of(lambda: scram.respond(final)) == "malformed-request"


@pytest.mark.parametrize(
    "message, condition",
    [
        (b"", "malformed-request"),
        (b"n", "malformed-request"),
        (b"n,", "malformed-request"),
        (b"n,,", "malformed-request"),
        (b"n,,n=alice", "malformed-request"),
        (b"n,,r=abc,n=alice", "malformed-request"),
        (b"n,x,n=alice,r=abc", "malformed-request"),
        (b"p=tls-unique,,n=alice,r=abc", "malformed-request"),
        (b"q,,n=alice,r=abc", "malformed-request"),
        (b"n,,m=x,n=alice,r=abc", "malformed-request"),
        (b"n,,n=al=ice,r=abc", "malformed-request"),
        (b"n,,n=alice,r=", "malformed-request"),
        (b"n,,n=alice,r=a b", "malformed-request"),
        (b"n,,n=alice,r=a\xc3\xa9", "malformed-request"),
        (b"n,,n=alice,r=" + b"a" * 257, "malformed-request"),
        (b"n,,n=al\x00ice,r=abc", "malformed-request"),
        (b"n,,n=alice\xff,r=abc", "malformed-request"),
        ("n,,n=alice,r=abc".encode("utf-16"), "malformed-request"),
        (b"n,,n=,r=abc", "not-authorized"),
        (b"n,,n=al ice,r=abc", "not-authorized"),
        (b"n,,n=alice@other.test,r=abc", "not-authorized"),
        (b"n,,n=alice/desk,r=abc", "not-authorized"),
        (b"n,,n=<alice>,r=abc", "not-authorized"),
        (b"n,,n=alice\x07,r=abc", "not-authorized"),
        (b"n,a=bob@example.test,n=alice,r=abc", "invalid-authzid"),
        (b"n,a=bob,n=alice,r=abc", "invalid-authzid"),
        (b"n,a=alice@other.test,n=alice,r=abc", "invalid-authzid"),
        (b"n,a=alice@example.test/desk,n=alice,r=abc", "invalid-authzid"),
        (b"n,a=,n=alice,r=abc", ""),
    ],
)
def test_a_first_message_that_is_none(message, condition):
    scram = Scram("SCRAM-SHA-256", "example.test")
    if condition:
        assert condition_of(lambda: scram.respond(message)) == condition
    else:
        assert isinstance(scram.respond(message), KeyWanted)


@pytest.mark.parametrize(
    "message", [b"", b"c=biws", b"c=biws,r=abc", b"r=abc,c=biws,p=x", b"c=!,r=a,p=x", b",p=", b"\xff"]
)
def test_a_final_message_that_is_none(message):
    scram = Scram("SCRAM-SHA-256", "example.test")
    scram.respond(ScramClient().first())
    scram.answer(key_of("secret"))
    assert condition_of(lambda: scram.respond(message)) == "malformed-request"


@given(st.lists(st.binary(max_size=60) | st.text("nyp,=am+cr/", max_size=30).map(str.encode), min_size=1, max_size=3))
def test_garbage_is_a_failure_and_nothing_worse(messages):
    for make in (lambda: Scram("SCRAM-SHA-1", "example.test"), lambda: Plain("example.test")):
        mechanism = make()
        for message in messages:
            try:
                step = mechanism.respond(message)
                if isinstance(step, KeyWanted):
                    step = mechanism.answer(key_of("secret", "sha-1"))
            except SaslError as failure:
                assert failure.condition in sasl.CONDITIONS
                break
            assert not isinstance(step, Success)


# ---- PLAIN


@pytest.mark.parametrize("message", [b"\0alice\0p\xc3\xa4ss", b"alice@example.test\0ALICE\0p\xc3\xa4ss"])
def test_plain_asks_for_the_password_to_be_checked(message):
    plain = Plain("example.test")
    assert plain.respond(message) == PasswordWanted(ALICE, "p\u00e4ss")
    assert plain.answer(True) == Success(ALICE, b"")


def test_plain_with_the_wrong_password_counts_against_the_person():
    plain = Plain("example.test")
    plain.respond(b"\0alice\0guess")
    with pytest.raises(SaslError) as failure:
        plain.answer(False)
    assert (failure.value.condition, failure.value.who) == ("not-authorized", ALICE)


@pytest.mark.parametrize(
    "message, condition",
    [
        (b"", "malformed-request"),
        (b"alice", "malformed-request"),
        (b"\0alice", "malformed-request"),
        (b"\0alice\0", "malformed-request"),
        (b"\0\0secret", "malformed-request"),
        (b"\0alice\0secret\0", "malformed-request"),
        (b"\0alice\0" + b"x" * 1025, "malformed-request"),
        (b"\0alice\xff\0secret", "malformed-request"),
        ("\0alice\0secret".encode("utf-16-le"), "malformed-request"),
        (b"bob\0alice\0secret", "invalid-authzid"),
        (b"bob@example.test\0alice\0secret", "invalid-authzid"),
        (b"\0alice@other.test\0secret", "not-authorized"),
        (b"\0" + b"x" * 1024 + b"\0secret", "not-authorized"),
    ],
)
def test_plain_messages_that_are_none(message, condition):
    assert condition_of(lambda: Plain("example.test").respond(message)) == condition


def test_a_password_is_never_shown():
    step = Plain("example.test").respond(b"\0alice\0hunter2")
    assert "hunter2" not in repr(step) and "hunter2" not in str(step)


# ---- what carries them


def test_mechanisms_by_name():
    assert isinstance(mechanism("SCRAM-SHA-1", "x"), Scram)
    assert isinstance(mechanism("PLAIN", "x"), Plain)
    for name in ("SCRAM-SHA-256-PLUS", "DIGEST-MD5", "ANONYMOUS", "EXTERNAL", "", "plain"):
        assert condition_of(lambda name=name: mechanism(name, "x")) == "invalid-mechanism"


@pytest.mark.parametrize("text, content", [(None, b""), ("", b""), ("=", b""), ("biws", b"n,,")])
def test_base64(text, content):
    assert sasl.decoded(text) == content


@pytest.mark.parametrize("text", ["b", "bi ws", "b!ws", "biw", "\u00e9\u00e9\u00e9\u00e9", "=biws"])
def test_what_is_no_base64(text):
    assert condition_of(lambda: sasl.decoded(text)) == "incorrect-encoding"
