"""Digest: the vectors of RFC 7616, clients' dialects, and everything an attacker repeats."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.sign_in import digest
from .....plugins.sip.sign_in.digest import (
    Algorithm,
    Credentials,
    Nonces,
    Verdict,
    challenge,
    chosen,
    malformed,
    same_resource,
)

NOW = 1_000.0
BOTH = (Algorithm.SHA_256, Algorithm.MD5)


def ha1(algorithm: Algorithm, user="alice", realm="example.test", password="secret") -> str:
    return algorithm.of(f"{user}:{realm}:{password}")


def answer(nonce: str, algorithm=Algorithm.SHA_256, *, password="secret", nc="00000001", qop="auth", method="REGISTER"):
    """What a client that knows the password sends back."""
    asked = Credentials("alice", "example.test", nonce, "sip:example.test", "", algorithm, qop, "c0ffee", nc)
    return asked._replace(response=asked.expected(algorithm, ha1(algorithm, password=password), method))


def judged(nonces: Nonces, credentials: Credentials, *, holder="alice", now=NOW, method="REGISTER") -> Verdict:
    algorithm = credentials.known_algorithm
    assert algorithm is not None
    return nonces.verdict(credentials, method, ha1(algorithm), holder, now)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616_section_3_9_1(algorithm, response):
    credentials = Credentials.parse(
        'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
        f"algorithm={algorithm}, "
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
        f'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    assert credentials is not None
    known = credentials.known_algorithm
    secret = known.of("Mufasa:http-auth@example.org:Circle of Life")
    assert credentials.expected(known, secret, "GET") == response


def test_what_linphone_sent_in_a_capture_is_read():
    credentials = Credentials.parse(
        'Digest realm="example.test", nonce="awSLWmsEii4xxoHMLjqDp/QG0ReIRNut", username="alice",  '
        'uri="sip:example.test", response="5e6e72d53b64961e66cbfe3e80680961", cnonce="MjsXL986g35ayVsi", '
        "nc=00000001, qop=auth"
    )
    assert credentials is not None
    assert (credentials.username, credentials.nc, credentials.qop) == ("alice", "00000001", "auth")
    assert credentials.expected(Algorithm.MD5, ha1(Algorithm.MD5), "REGISTER") == credentials.response


def test_pidgin_answers_without_qop_but_with_a_count_and_is_right():
    credentials = Credentials.parse(
        'Digest username="alice", realm="example.test", nonce="awShcGsEoER2KdHws3YPpM6StQbSmjeY", '
        'uri="sip:example.test", nc="00000001", response="db17e6701877370254a9ec10dfa05f0f"'
    )
    assert credentials is not None and not malformed(credentials)
    assert credentials.expected(Algorithm.MD5, ha1(Algorithm.MD5), "REGISTER") == credentials.response


@pytest.mark.parametrize("algorithm", BOTH)
def test_the_right_password_is_right_and_another_is_wrong(algorithm):
    nonces = Nonces()
    assert judged(nonces, answer(nonces.issue(NOW), algorithm)) is Verdict.RIGHT
    assert judged(nonces, answer(nonces.issue(NOW), algorithm, password="guess")) is Verdict.WRONG
    assert judged(nonces, answer(nonces.issue(NOW), algorithm, method="PUBLISH")) is Verdict.WRONG


def test_an_old_nonce_is_stale_for_those_who_know_the_password_and_wrong_for_others():
    nonces = Nonces(life=300)
    nonce = nonces.issue(NOW)
    assert judged(nonces, answer(nonce), now=NOW + 301) is Verdict.STALE
    assert judged(nonces, answer(nonce, password="guess"), now=NOW + 301) is Verdict.WRONG
    assert judged(nonces, answer(nonce), now=NOW - 5) is Verdict.STALE


def test_a_nonce_of_another_server_or_a_changed_one_is_wrong():
    nonces = Nonces()
    assert judged(nonces, answer(Nonces().issue(NOW))) is Verdict.WRONG
    nonce = nonces.issue(NOW)
    assert judged(nonces, answer(nonce[:-4] + "AAAA")) is Verdict.WRONG
    assert judged(nonces, answer("")) is Verdict.WRONG
    assert judged(nonces, answer("nönce")) is Verdict.WRONG


def test_a_nonce_from_before_a_restart_is_stale_and_not_wrong():
    old = Nonces(b"s" * 32).issue(NOW)
    restarted = Nonces(b"s" * 32, since=NOW + 1)
    assert judged(restarted, answer(old), now=NOW + 2) is Verdict.STALE
    assert judged(restarted, answer(old, password="guess"), now=NOW + 2) is Verdict.WRONG
    assert judged(restarted, answer(restarted.issue(NOW + 1)), now=NOW + 1) is Verdict.RIGHT


def test_two_listeners_of_one_server_share_their_nonces():
    secret = b"s" * 32
    assert judged(Nonces(secret), answer(Nonces(secret).issue(NOW))) is Verdict.RIGHT


def test_a_repeated_count_is_a_replay_and_a_late_one_is_not():
    nonces = Nonces()
    nonce = nonces.issue(NOW)
    counts = ["00000001", "00000003", "00000002", "0000000a"]
    assert [judged(nonces, answer(nonce, nc=nc)) for nc in counts] == [Verdict.RIGHT] * 4
    assert [judged(nonces, answer(nonce, nc=nc)) for nc in counts] == [Verdict.REPLAYED] * 4
    assert judged(nonces, answer(nonce, nc="00000100")) is Verdict.RIGHT
    assert judged(nonces, answer(nonce, nc="00000004")) is Verdict.REPLAYED, "behind the window"


@given(st.lists(st.integers(1, 200), max_size=60))
def test_no_count_is_ever_taken_twice(counts):
    nonces = Nonces(b"x" * 32)
    nonce = nonces.issue(NOW)
    taken = [c for c in counts if judged(nonces, answer(nonce, nc=f"{c:08x}")) is Verdict.RIGHT]
    assert len(taken) == len(set(taken))


def test_a_nonce_belongs_to_whoever_used_it_first():
    nonces = Nonces()
    nonce = nonces.issue(NOW)
    assert judged(nonces, answer(nonce), holder="alice") is Verdict.RIGHT
    assert judged(nonces, answer(nonce, nc="00000002"), holder="mallory") is Verdict.STALE


def test_without_qop_the_holder_may_repeat_and_nobody_else():
    nonces = Nonces()
    nonce = nonces.issue(NOW)
    old = answer(nonce, Algorithm.MD5, qop="", nc="")
    assert judged(nonces, old, holder="alice by flow 1") is Verdict.RIGHT
    assert judged(nonces, old, holder="alice by flow 1") is Verdict.RIGHT
    assert judged(nonces, old, holder="alice by flow 2") is Verdict.STALE


def test_wrong_answers_leave_nothing_in_memory():
    nonces = Nonces()
    for _ in range(50):
        judged(nonces, answer(nonces.issue(NOW), password="guess"))
    assert not nonces._spent


def test_used_nonces_are_bounded_and_forgotten_ones_cannot_be_replayed(monkeypatch):
    monkeypatch.setattr(digest, "MAX_NONCES", 3)
    nonces = Nonces()
    used = [nonces.issue(NOW + i) for i in range(5)]
    for i, nonce in enumerate(used):
        assert judged(nonces, answer(nonce), now=NOW + i) is Verdict.RIGHT
    assert len(nonces._spent) <= 3
    assert judged(nonces, answer(used[0]), now=NOW + 5) is Verdict.STALE
    assert judged(nonces, answer(used[4]), now=NOW + 5) is Verdict.REPLAYED


def test_expired_nonces_are_forgotten():
    nonces = Nonces(life=10)
    judged(nonces, answer(nonces.issue(NOW)))
    judged(nonces, answer(nonces.issue(NOW + 11)), now=NOW + 11)
    assert len(nonces._spent) == 1


def test_credentials_are_picked_by_realm_and_algorithm():
    def header(realm, algorithm):
        return f'Digest username="a", realm="{realm}", nonce="n", uri="sip:x", response="r", algorithm={algorithm}'

    values = [
        "Basic YTpi",
        'NTLM realm="example.test"',
        header("other.test", "SHA-256"),
        header("example.test", "MD5"),
        header("Example.test", "sha-256"),
        header("example.test", "SHA-512-256"),
        header("example.test", "MD5-sess"),
    ]
    picked = chosen(values, "example.test", BOTH)
    assert picked is not None and picked.known_algorithm is Algorithm.SHA_256
    assert chosen(values, "example.test", [Algorithm.MD5]).algorithm == "MD5"
    assert chosen(values[:3], "example.test", BOTH) is None
    assert chosen([values[3]], "example.test", [Algorithm.SHA_256]) is None, "weaker than what we offer"
    assert chosen([values[5], values[6]], "example.test", BOTH) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        "Digest username",
        'Digest username="alice"',
        'Digest username="alice, realm="x"',
        'Digest username="a", username="b", realm="r", nonce="n", uri="u", response="r"',
        'Digest username="a", realm="r", nonce="n", uri="u", response="r", x="' + "y" * 5000 + '"',
    ],
)
def test_what_is_no_credentials(value):
    assert Credentials.parse(value) is None


@given(st.text(max_size=200))
def test_garbage_never_raises(text):
    Credentials.parse(text)
    Credentials.parse("Digest " + text)
    same_resource(text, "sip:example.test")


def test_names_may_be_quoted_oddly_and_stay_what_they_are():
    credentials = Credentials.parse(
        r'Digest username="al\"ice", realm="r", nonce="n", uri="sip:x", response="r", opaque="", foo=bar'
    )
    assert credentials is not None and credentials.username == 'al"ice'


def test_forms_that_get_a_400():
    fine = answer("n")
    assert malformed(fine) == ""
    assert "auth-int" in malformed(fine._replace(qop="auth-int"))
    for bad in ({"nc": ""}, {"nc": "1"}, {"nc": "0000000g"}, {"cnonce": ""}):
        assert malformed(fine._replace(**bad))


def test_a_challenge_names_its_algorithm():
    assert challenge("example.test", "abc", Algorithm.SHA_256) == (
        'Digest realm="example.test", nonce="abc", algorithm=SHA-256, qop="auth"'
    )
    assert challenge("example.test", "abc", Algorithm.MD5, stale=True).endswith(', qop="auth", stale=true')


@pytest.mark.parametrize(
    ("uri", "target", "same"),
    [
        ("sip:example.test", "sip:example.test", True),
        ("sip:example.test;transport=tcp", "sip:example.test", True),
        ("sip:bob@example.test", "sip:bob@EXAMPLE.test;transport=tls", True),
        ("sip:bob@example.test:5061", "sip:bob@example.test", True),
        ("sip:b%6Fb@example.test", "sip:bob@example.test", True),
        ("sip:bob@example.test", "sip:carol@example.test", False),
        ("sip:Bob@example.test", "sip:bob@example.test", False),
        ("sip:bob@example.test", "sip:bob@other.test", False),
        ("sip:example.test", "sip:bob@example.test", False),
        ("", "sip:example.test", False),
        ("/dir/index.html", "sip:example.test", False),
    ],
)
def test_the_digest_covers_the_target_of_the_request(uri, target, same):
    assert same_resource(uri, target) is same


def test_the_hashes_are_the_ones_they_say():
    assert Algorithm.MD5.of("ü") == hashlib.md5("ü".encode()).hexdigest()
    assert Algorithm.SHA_256.of("ü") == hashlib.sha256("ü".encode()).hexdigest()
