"""What is kept for the fuzzers is read again by every run of the tests, whole, cut short and with a byte changed."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from .fuzzing import CORPUS, kept

TARGETS = sorted(folder.name for folder in CORPUS.iterdir())
HERE = Path(__file__)
ROOT = __name__.partition(".")[0]


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_is_read_without_an_accident(name: str) -> None:
    target = import_module(f".{name}", __package__).target
    inputs = [path.read_bytes() for path in kept(name)]
    assert inputs
    for data in inputs:
        target(data)
        for at in range(0, len(data), 1 + len(data) // 60):
            target(data[:at])
            target(data[:at] + bytes([data[at] ^ 0x15]) + data[at + 1 :])
            target(data[:at] + data[at + 1 :] + data[: at // 2])


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", TARGETS)
def test_a_short_walk_of_the_fuzzer_finds_nothing(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"{ROOT}.tests.fuzz.{name}", "-runs=500", f"-artifact_prefix={tmp_path}/"],
        cwd=HERE.parents[3],
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done 500" in done.stderr
