"""Digest as a client: the examples of the RFCs, what is taken up, and that a wrong password is not tried for ever."""

import pytest

from .....plugins.sip.calls.credentials import Account
from .....plugins.sip.sign_in.digest import Algorithm, Credentials, Nonces, Verdict, challenge
from .....plugins.sip.syntax.message import Request


def asked(status, *challenges):
    request = Request("INVITE", "sip:bob@pbx.test", [("Via", "SIP/2.0/TCP x;branch=z9hG4bK1"), ("CSeq", "1 INVITE")])
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return request, request.reply(status, headers=[(name, text) for text in challenges])


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        # RFC 7616 section 3.9.1
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(algorithm, response):
    account = Account("Mufasa", "Circle of Life", lambda: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    request = Request("GET", "/dir/index.html")
    text = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", '
        f'algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    assert account.heed(asked(401, text)[1], request)
    account.sign(request)
    given = Credentials.parse(request.first("Authorization"))
    assert given.response == response and given.nc == "00000001" and given.qop == "auth"
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in request.first("Authorization")


def test_without_qop_as_rfc_2069_had_it():
    account = Account("alice", "secret")
    request, response = asked(407, 'Digest realm="r", nonce="n"')
    assert account.heed(response, request)
    account.sign(request)
    given = Credentials.parse(request.first("Proxy-Authorization"))
    ha1 = Algorithm.MD5.of("alice:r:secret")
    assert not given.qop and given.response == given.expected(Algorithm.MD5, ha1, "INVITE")


def test_the_stronger_algorithm_is_answered():
    account = Account("alice", "secret")
    request, response = asked(407, challenge("r", "n1", Algorithm.MD5), challenge("r", "n2", Algorithm.SHA_256))
    assert account.heed(response, request)
    account.sign(request)
    assert Credentials.parse(request.first("Proxy-Authorization")).algorithm == "SHA-256"


def test_the_count_grows_while_the_nonce_lasts_and_our_own_server_believes_it():
    account, nonces = Account("alice", "secret"), Nonces()
    nonce = nonces.issue(0)
    request, response = asked(401, challenge("r", nonce, Algorithm.SHA_256))
    assert account.heed(response, request)
    for number in range(1, 4):
        account.sign(request)
        given = Credentials.parse(request.first("Authorization"))
        assert int(given.nc, 16) == number
        assert nonces.verdict(given, "INVITE", Algorithm.SHA_256.of("alice:r:secret"), "x", 1) is Verdict.RIGHT


def test_a_password_that_was_wrong_is_not_tried_again_but_a_stale_nonce_is_replaced():
    account = Account("alice", "secret")
    request, response = asked(401, challenge("r", "n", Algorithm.MD5))
    assert account.heed(response, request)
    account.sign(request)
    assert not account.heed(response, request)
    assert account.heed(asked(401, challenge("r", "n", Algorithm.MD5, stale=True))[1], request)
    assert account.heed(asked(401, challenge("r", "other", Algorithm.MD5))[1], request)


@pytest.mark.parametrize(
    "text",
    [
        'Basic realm="r"',
        'Digest realm="r"',
        'Digest realm="r", nonce="n", algorithm=SHA-512-256',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r", nonce="',
        "Digest",
        "",
    ],
)
def test_what_cannot_be_answered(text):
    request, response = asked(401, text)
    account = Account("alice", "secret")
    assert not account.heed(response, request)
    account.sign(request)
    assert request.first("Authorization") is None


def test_nobody_answers_without_an_account():
    request, response = asked(401, challenge("r", "n", Algorithm.MD5))
    assert not Account("", "").heed(response, request)
