"""A presence document that somebody publishes: refused, or a claim."""

from __future__ import annotations

from .fuzzing import run, watched

with watched(__name__):
    from ...plugins.sip.presence import pidf
    from ...plugins.sip.xml import MalformedXml


def target(data: bytes) -> None:
    """One input."""
    try:
        claim = pidf.read(data)
    except MalformedXml:
        return
    assert isinstance(claim, pidf.Claim)
    assert claim == pidf.read(data)


if __name__ == "__main__":
    run(target, "pidf")
