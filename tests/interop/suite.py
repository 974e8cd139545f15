"""Where the suite comes from: Smack's own cases by Maven, the server cases from their sources, compiled here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hereabouts-interop"
"""Where jars, sources and classes are kept between runs."""
SOURCES = "HEREABOUTS_INTEROP_SOURCES"
"""Names a checkout of the server cases, where this machine cannot reach GitHub."""
SERVER_CASES = ("https://github.com/XMPP-Interop-Testing/smack-sint-server-extensions", "v1.6.0")
"""The version that is made for the Smack in pom.xml."""
NEEDED = ("java", "javac", "mvn")
PATIENCE = 600
"""Seconds Maven may take to fetch 70 jars the first time."""


QUIET = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
"""Nobody is there to be asked for a password."""


class Unavailable(Exception):
    """What the suite is made of cannot be had here."""


def missing() -> list[str]:
    """The programs that are not installed."""
    return [program for program in NEEDED if shutil.which(program) is None]


def jars() -> Path:
    """A folder with all that pom.xml names.  Raises Unavailable."""
    pom = HERE / "pom.xml"
    folder = CACHE / f"jars-{abs(hash_of(pom)):x}"
    if not (folder / "complete").exists():
        _run("mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}")
        (folder / "complete").touch()
    return folder


def sources() -> Path | None:
    """A checkout of the server cases, or None: they are not on Maven Central."""
    if named := os.environ.get(SOURCES):
        return Path(named)
    address, version = SERVER_CASES
    folder = CACHE / f"server-cases-{version}"
    if not folder.exists():
        try:
            _run("git", "clone", "-q", "--depth", "1", "--branch", version, address, str(folder))
        except Unavailable:
            return None
    return folder


def classpath(cases: Path | None) -> str:
    """Everything compiled: the report's class, and the server cases where there are any.  Raises Unavailable."""
    libraries = f"{jars()}/*"
    files = [HERE / "Run.java", *sorted((cases / "src/main/java").rglob("*.java") if cases else ())]
    folder = CACHE / f"classes-{hash_of(*files):x}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        listed = folder / "sources"
        listed.write_text("\n".join(map(str, files)))
        _run("javac", "-nowarn", "-encoding", "UTF-8", "-d", str(folder), "-cp", libraries, f"@{listed}")
        (folder / "complete").touch()
    return f"{folder}:{libraries}"


def hash_of(*files: Path) -> int:
    """A number that changes with the files."""
    import zlib

    number = 0
    for file in files:
        number = zlib.crc32(file.read_bytes(), number)
    return number


def _run(*argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, env=QUIET)
    except (OSError, subprocess.TimeoutExpired) as why:
        raise Unavailable(f"{argv[0]}: {why}") from None
    if done.returncode:
        raise Unavailable(f"{' '.join(argv[:3])}: {(done.stdout + done.stderr)[-2000:]}")
