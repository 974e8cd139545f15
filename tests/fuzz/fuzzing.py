"""How a target is run: by atheris, where that is installed, or with the inputs that are kept, by the tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
ROOT = __name__.partition(".")[0]
LONGEST = 4096
"""Bytes of one input."""

Target = Callable[[bytes], None]


def watched(name: str) -> AbstractContextManager[Any]:
    """Around the imports of a target: what is imported there tells the fuzzer which ways were taken.

    Does so only for the module that was started as a program; to the tests the imports are what they are elsewhere.
    """
    if name != "__main__":
        return nullcontext()
    import atheris

    hook: AbstractContextManager[Any] = atheris.instrument_imports(
        include=[f"{ROOT}.plugins.sip", f"{ROOT}.bridges.xmpp"]
    )
    return hook


def run(target: Target, name: str) -> None:
    """Fuzz, with libFuzzer's options from the command line: ``-runs=N`` ends after so many inputs.

    What is found is only reported; new inputs go to a folder that is named on the command line, never to ours.
    """
    import atheris

    options = [sys.argv[0], f"-max_len={LONGEST}", *sys.argv[1:]]
    if all(option.startswith("-") for option in sys.argv[1:]):
        options += ["-seed_inputs=" + ",".join(map(str, kept(name)))]
    atheris.Setup(options, target)
    atheris.Fuzz()


def kept(name: str) -> list[Path]:
    """The inputs that are kept for a target."""
    return sorted((CORPUS / name).iterdir())
