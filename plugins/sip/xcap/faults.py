"""What is wrong with a change, as XCAP says it: the error documents of RFC 4825 section 11."""

from __future__ import annotations

from ....core.errors import HereaboutsError
from ..xml import DECLARATION, escaped

CONTENT_TYPE = "application/xcap-error+xml"
NAMESPACE = "urn:ietf:params:xml:ns:xcap-error"
MAX_PHRASE = 200
"""Characters of an explanation."""


class Fault(HereaboutsError):
    """A 409: ``kind`` is the element that names the fault, ``inside`` what stands in it."""

    def __init__(self, kind: str, phrase: str, inside: str = "") -> None:
        super().__init__(phrase)
        self.kind = kind
        self.inside = inside

    @property
    def document(self) -> bytes:
        """The body of the answer."""
        phrase = escaped(str(self)[:MAX_PHRASE])
        fault = f'<{self.kind} phrase="{phrase}">{self.inside}</{self.kind}>'
        return f'{DECLARATION}\n<xcap-error xmlns="{NAMESPACE}">{fault}</xcap-error>\n'.encode()


def cannot_keep(phrase: str) -> Fault:
    """What is well-formed and valid, and still nothing that we could honour."""
    return Fault("constraint-failure", phrase)


def invalid(phrase: str) -> Fault:
    """What the schema of its document does not allow."""
    return Fault("schema-validation-error", phrase)


def not_unique(field: str, phrase: str) -> Fault:
    """What must be there only once; ``field`` is a relative node selector of what is there twice."""
    return Fault("uniqueness-failure", phrase, f'<exists field="{escaped(field)}"/>')


def no_parent(phrase: str, ancestor: str = "") -> Fault:
    """Where the element around the new one is missing; ``ancestor`` selects the nearest that is there."""
    return Fault("no-parent", phrase, f"<ancestor>{escaped(ancestor)}</ancestor>" if ancestor else "")
