"""The people directory: what colleagues may look up about each other."""

from __future__ import annotations

import msgspec


class Person(msgspec.Struct, frozen=True):
    """One entry of the directory.  ``address`` is the identity as text; phones are E.164 or as dialled."""

    address: str
    name: str = ""
    mail: str = ""
    phones: list[str] = []
    title: str = ""
    time_zone: str = ""
    """A name of the IANA time zone database: Europe/Berlin."""
    language: str = ""
    """A language tag (RFC 5646): en, de."""

    @property
    def shown_name(self) -> str:
        """The name, or the address's user part for want of one."""
        return self.name or self.address.partition("@")[0]
