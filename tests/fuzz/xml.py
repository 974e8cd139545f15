"""XML bodies that phones send besides presence: refused, or the same after they were written."""

from __future__ import annotations

from datetime import UTC, datetime

from .fuzzing import run, watched

with watched(__name__):
    from ...plugins.sip.messages import composing, imdn
    from ...plugins.sip.xml import MalformedXml, parsed

AT = datetime(2026, 11, 24, tzinfo=UTC)


def target(data: bytes) -> None:
    """One input."""
    try:
        parsed(data)
    except MalformedXml:
        return
    try:
        typing = composing.read(data)
        assert composing.read(composing.write(typing)).active == typing.active
    except MalformedXml:
        pass
    try:
        notification = imdn.read(data)
        assert imdn.read(imdn.write(notification, AT)).disposition == notification.disposition
    except MalformedXml:
        pass


if __name__ == "__main__":
    run(target, "xml")
