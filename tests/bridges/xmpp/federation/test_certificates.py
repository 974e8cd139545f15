"""Who is believed to be whom: by certificate, by being called back, and not at all."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import pytest

from .....bridges.xmpp.federation.options import PartnerOptions
from .....bridges.xmpp.syntax import xml
from .....core.federation import LinkState
from ....authority import Authority, Kind
from .houses import ELSEWHERE, HERE, THERE, Town, until
from .stranger import EXTERNAL, OPENING, Stranger

BAD: list[Kind] = ["unknown authority", "expired", "wrong name"]


async def test_a_good_certificate_is_asked_for_and_is_proof_enough(town: Town) -> None:
    here = await town.start(HERE, THERE)
    stranger = await Stranger.comes(here.port, shows=town.authority.certificate(THERE))
    stranger.say(EXTERNAL)
    assert (await stranger.hears()).name == "success"
    stranger.hang_up()


async def test_it_names_whom_they_say_they_are_or_external_is_not_even_offered(town: Town) -> None:
    here = await town.start(HERE, THERE)
    for names in (["other.example"], [f"x.{THERE}"], ["*.example"]):
        stranger = await Stranger.calls(here.port)
        await stranger.opens()
        await stranger.secures(town.authority.certificate(*names))
        offered = await stranger.opens()
        assert f"{{{xml.SASL}}}mechanisms" not in offered.kids
        stranger.say(EXTERNAL)
        answer = await stranger.hears()
        assert (answer.name, answer.tree[0].tag) == ("failure", f"{{{xml.SASL}}}invalid-mechanism")
        stranger.hang_up()


async def test_who_has_the_certificate_of_a_domain_speaks_for_those_below(town: Town) -> None:
    here = await town.start(HERE, THERE)
    stranger = await Stranger.proves(
        here.port, town.authority.certificate(THERE), sender=f"conference.{THERE}", to=f"conference.{HERE}"
    )
    stranger.say(f"<presence from='x@conference.{THERE}/y' to='r@conference.{HERE}'/>")
    await until(lambda: here.arrivals.stanzas)
    stranger.hang_up()


async def test_a_star_stands_for_one_label(town: Town) -> None:
    here = await town.start(HERE, f"a.{THERE}")
    stranger = await Stranger.proves(here.port, town.authority.certificate(f"*.{THERE}"), sender=f"a.{THERE}")
    stranger.hang_up()


async def test_another_identity_than_that_of_the_stream(town: Town) -> None:
    here = await town.start(HERE, THERE)
    stranger = await Stranger.comes(here.port, shows=town.authority.certificate(THERE, "other.example"))
    other = base64.b64encode(b"other.example").decode()
    for text, condition in ((other, "invalid-authzid"), ("!", "incorrect-encoding"), (other, "invalid-authzid")):
        stranger.say(EXTERNAL.replace(">=<", f">{text}<"))
        assert (await stranger.hears()).kids == [f"{{{xml.SASL}}}{condition}"]
    assert await stranger.is_ended() == "policy-violation"


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_certificate_there_is_not_believed_and_senders_are_told(
    town: Town, kind: Kind, caplog: Any
) -> None:
    here = await town.start(HERE, THERE)
    there = await town.start(THERE, HERE, kind=kind)
    with caplog.at_level(logging.WARNING):
        here.say("hello", f"bob@{THERE}")
        here.say("hello?", f"bob@{THERE}")
        await until(lambda: here.partner(THERE).state is LinkState.FAILING)
        here.federation._ways.close()  # it would be tried again for half a minute
    assert {condition for _, condition, _ in here.returned} == {"remote-server-timeout"}
    assert len(here.returned) == 2
    assert "certificate" in here.partner(THERE).error
    assert there.arrivals.stanzas == []
    assert len([r for r in caplog.records if "is not reached" in r.message]) == 1


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_certificate_of_who_comes_is_not_believed(town: Town, kind: Kind) -> None:
    """Nor is it the second time, when they are not asked and want to be called back."""
    here = await town.start(HERE, THERE)
    there = await town.start(THERE, HERE, kind=kind)
    there.say("hello", f"ann@{HERE}", "bob")
    await until(lambda: there.partner(HERE).state is LinkState.FAILING)
    there.federation._ways._ways[f"{THERE}", HERE].try_now()
    await until(lambda: here.partner(THERE).refused)
    assert here.arrivals.stanzas == []
    assert not here.is_proven()


async def test_a_certificate_that_is_none_for_connecting_is_not_asked_for_again(town: Town) -> None:
    """No clientAuth: the handshake fails once, then the domain's own server is called, and its certificate is good."""
    here = await town.start(HERE, THERE)
    there = await town.start(THERE, HERE, shows=town.authority.certificate_for_serving(THERE))
    there.say("one", f"ann@{HERE}", "bob")
    await until(lambda: there.partner(HERE).error)
    await until(lambda: here.arrivals.texts == ["one"])
    there.say("two", f"ann@{HERE}", "bob")
    await until(lambda: here.arrivals.texts == ["one", "two"])


async def test_a_partner_s_own_certificate_may_be_all_that_is_believed(town: Town) -> None:
    ours, theirs = (town.authority.certificate_without_authority(domain) for domain in (HERE, THERE))
    here = await town.start(HERE, THERE, shows=ours, partner={"ca": str(theirs.certificate)})
    there = await town.start(THERE, HERE, shows=theirs, partner={"ca": str(ours.certificate)})
    here.say("hello", f"bob@{THERE}")
    there.say("hello", f"ann@{HERE}", "bob")
    await until(lambda: here.arrivals.texts == there.arrivals.texts == ["hello"])
    other = town.authority.certificate_without_authority(THERE)
    impostor = await Stranger.calls(here.port)
    await impostor.opens()
    with pytest.raises(AssertionError, match="the stream ended"):
        await impostor.secures(other)
        await impostor.opens()


async def test_what_one_partner_s_authority_signs_proves_nothing_about_another(town: Town, tmp_path: Path) -> None:
    elsewhere = Authority(tmp_path / "elsewhere")
    partners = {
        THERE: PartnerOptions(ca=str(town.authority.file)),
        ELSEWHERE: PartnerOptions(ca=str(elsewhere.file)),
    }
    here = await town.start(HERE, partners=partners)
    (await Stranger.proves(here.port, elsewhere.certificate(ELSEWHERE), sender=ELSEWHERE)).hang_up()
    impostor = await Stranger.calls(here.port)
    await impostor.opens(THERE)
    with pytest.raises(AssertionError, match="the stream ended"):
        await impostor.secures(elsewhere.certificate(THERE))
        await impostor.opens(THERE)


async def test_open_to_all_means_called_back_by_a_certificate(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(town.authority.file))
    here = await town.start(HERE, open=True, open_kind="federated")
    there = await town.start(THERE, open=True, open_kind="federated")
    there.say("may I?", f"ann@{HERE}", "bob")
    await until(lambda: here.arrivals.texts == ["may I?"])
    here.say("you may", f"bob@{THERE}")
    await until(lambda: there.arrivals.texts == ["you may"])
    assert here.partner(THERE).received == 1


async def test_a_blocked_domain_is_blocked_with_all_below(town: Town) -> None:
    here = await town.start(HERE, open=True, blocked=[THERE])
    for domain in (THERE, f"conference.{THERE}"):
        assert not here.federation.serves(domain)
        stranger = await Stranger.calls(here.port)
        stranger.say(f"{OPENING} from='{domain}' to='{HERE}'>")
        assert await stranger.is_ended() == "policy-violation"
    assert here.federation.serves("other.example")
    assert not here.federation.serves(f"gateway.{HERE}")
