"""The interoperability suite: nothing fails that is not explained."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ..clients.program import lacks
from . import results, running, suite

SMACK_ALONE = 80
"""Cases that come with Smack itself and can be tried here; with the server cases there are ten times as many."""
WHOLE = 820


@pytest.mark.interop
@pytest.mark.timeout(1500)
def test_nothing_fails_that_is_not_explained(tmp_path: Path) -> None:
    lacks(suite.missing())
    cases = suite.sources() if os.environ.get(suite.SOURCES) or os.environ.get("CI") else None
    found, _ = running.Suite(tmp_path, cases).run()
    assert results.unexplained(found, results.explained()) == [], results.failures(found)
    passed = sum(result.outcome == "passed" for result in found)
    assert passed >= (WHOLE if cases else SMACK_ALONE), results.table(found)


def test_there_are_few_failures_and_each_has_a_reason() -> None:
    assert all(why.strip() for why in results.explained().values())
    assert len(results.explained()) <= 10


def test_what_is_explained_is_told_from_what_is_not() -> None:
    one = results.Result("failed", "Some", "case(tcp)", "RFC6121", "8.5", 3, "why")
    other = one._replace(where="Other")
    passed = one._replace(where="Third", outcome="passed")
    reasons = {"Some.case": "for a reason", "Third": "for none any more"}
    assert results.unexplained([one, other, passed], reasons) == [other]
    assert results.outdated([one, other, passed], reasons) == ["Third"]
    assert results.table([one, other, passed]).splitlines()[-1].split() == ["all", "1", "2", "0"]
