"""A CPIM message: refused, or unwrapped with no more in it than came."""

from __future__ import annotations

from .fuzzing import run, watched

with watched(__name__):
    from ...plugins.sip.messages import cpim
    from ...plugins.sip.syntax.grammar import MalformedSip


def target(data: bytes) -> None:
    """One input."""
    try:
        wrapped = cpim.unwrap(data)
    except MalformedSip:
        return
    assert isinstance(wrapped, cpim.Wrapped) and wrapped == cpim.unwrap(data)
    assert len(wrapped.content) <= len(data)


if __name__ == "__main__":
    run(target, "cpim")
