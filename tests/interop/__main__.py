"""Run the interoperability suite: ``python -m PACKAGE.tests.interop --help``, from the folder above."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from . import results, running, suite


def main() -> int:
    """Run it; 0 when nothing fails that is not explained."""
    wanted = _wanted()
    folder = Path(wanted.folder or tempfile.mkdtemp(prefix="interop-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    cases = Path(wanted.sources) if wanted.sources else suite.sources()
    if cases is None:
        print(f"Smack's own cases only: name a checkout of {suite.SERVER_CASES[0]} by --sources or {suite.SOURCES}")
    began = time.monotonic()
    wish = running.Wish(tuple(wanted.classes), tuple(wanted.spec))
    runner = running.Suite(folder, cases, wanted.address, traffic=wanted.traffic)
    found, helped = runner.run(*([wish] if wish != running.Wish() else []))
    reasons = results.explained()
    wrong = results.unexplained(found, reasons)
    for part in (
        results.table(found),
        results.failures(found),
        results.impossible(found) if wanted.impossible else "",
        "\n".join(f"passed only when it ran again: {case}" for case in sorted(helped)),
        *(f"explained, but passes: {case}" for case in results.outdated(found, reasons)),
        f"{len(wrong)} failures without a reason; {time.monotonic() - began:.0f} s; more in {folder}",
    ):
        if part:
            print(part, end="\n\n")
    return 1 if wrong else 0


def _wanted() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="interop", description=__doc__)
    parser.add_argument("classes", nargs="*", help="Classes of cases, or Class.method; all without")
    parser.add_argument("--spec", action="append", default=[], help="A specification: XEP-0045, RFC6121; repeatable")
    parser.add_argument("--sources", help="A checkout of the server cases")
    parser.add_argument("--folder", help="Keeps the server's state, logs and report; a new one without")
    parser.add_argument("--address", default=running.ADDRESS, help="Where the server listens [%(default)s]")
    parser.add_argument("--traffic", action="store_true", help="Keep all stanzas, a file per case")
    parser.add_argument("--impossible", action="store_true", help="Show what could not be tried, and why")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
