"""The SIP load against the server for real: what it counts has happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...benchmarks import sip
from ...benchmarks.bench import Bench
from ...benchmarks.hereabouts import Hereabouts
from ...benchmarks.report import Report
from ...benchmarks.results import Result


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(sip, "CALLING", 4)
    monkeypatch.setattr(sip, "WATCHING", 25)
    monkeypatch.setattr(sip, "IDLE", 40)
    return Bench(Report({}), tmp_path, 0.5, 1, quick=True)


def done(result: Result) -> bool:
    """Whether something was done, and all of it went well."""
    refused = [remark for remark in result.remarks if "answered" in remark]
    return bool(result.rate and result.per_cpu and result.p50) and not refused


def test_calls_are_begun_and_ended(bench: Bench) -> None:
    sip.call(bench, Hereabouts)
    [result] = bench.report.results
    assert (result.scenario, result.unit) == ("SIP call, UDP", "calls") and done(result)


def test_one_person_is_watched_by_all(bench: Bench) -> None:
    sip.watched(bench, Hereabouts)
    assert [result.scenario for result in bench.report.results] == [sip.crowds("udp"), sip.crowds("tls")]
    assert all(done(result) for result in bench.report.results)


def test_memory_of_connections_and_of_registrations_alone(bench: Bench) -> None:
    sip.memory(bench, Hereabouts)
    assert [result.scenario for result in bench.report.results] == list(sip.MEMORY.values())
    assert all(result.memory is not None and result.remarks == ["10 phones"] for result in bench.report.results)
