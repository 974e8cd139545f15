"""The settings: what plugins.toml says about the front end, and the tables it has for plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from .errors import BadAddress, SettingsError
from .identity import prepared
from .options import ReadableFile, checked
from .toml_tables import Mistake, Table, tables_of

MAX_SETTINGS = 1024 * 1024
"""Bytes of plugins.toml."""

FRONT_END = "front_end"


class CertificateOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [front_end.certificates.NAME]: what is shown to clients that ask for this domain."""

    certificate: ReadableFile
    """A PEM file with the certificate and its chain."""
    key: ReadableFile
    """A PEM file with its private key, without a passphrase."""


class FrontEndSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [front_end]: what is true for the server as a whole, whatever plugins it has."""

    domains: list[str] = msgspec.field(default_factory=lambda: ["example.test"])
    """The domains whose people sign in here; the first is the one meant where none is named."""
    state: str = "var"
    """The folder for all that the server keeps: database, certificate, sockets.  Relative to plugins.toml."""
    store: str = ""
    """The database file, relative to plugins.toml; empty for hereabouts.db in the state folder."""
    certificate: ReadableFile = ""
    """A PEM file with the certificate and its chain; empty for one made on the first start."""
    key: ReadableFile = ""
    """A PEM file with the certificate's private key, without a passphrase."""
    certificates: dict[str, CertificateOptions] = msgspec.field(default_factory=dict)
    """Certificates of single domains, each a table named after the domain; for the others there is the one above."""
    offline: Literal["keep", "refuse"] = "keep"
    """What becomes of a message to somebody who is not signed in: it waits for them, or its sender gets an error."""
    idle_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 10
    """A two-party conversation in which nobody said anything for so many minutes is over, and gets its record."""
    conference_idle_minutes: Annotated[int, msgspec.Meta(ge=1, le=10080)] = 480
    """The same for a conference that grew out of one; the next message to its address opens it again."""
    same_domain: Literal["contacts", "everyone"] = "contacts"
    """Who sees somebody's presence: those they said yes to, or everyone of the same domain."""
    digest_md5: bool = True
    """Whether SIP phones may sign in with digest MD5; many know no other.  The stronger SHA-256 is always there."""
    log: Literal["text", "json"] = "text"
    """How the log is written: for people, or as one JSON object a line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important thing that is logged.  No level logs what people write to each other."""

    def __post_init__(self) -> None:
        if not self.domains:
            raise ValueError("domains must name at least one domain")
        for domain in self.domains:
            try:
                right = prepared(domain)
            except BadAddress as wrong:
                raise ValueError(f"domains: {wrong}") from None
            if right != domain or not right or set(right) & set("@/ :"):
                raise ValueError(f'domains has "{domain}", which is no domain in lower case, such as example.test')
        if strange := [name for name in self.certificates if name not in self.domains]:
            raise ValueError(f"certificates has {', '.join(strange)}, which domains does not name")
        if bool(self.certificate) != bool(self.key):
            raise ValueError(f"{'key' if self.certificate else 'certificate'} is missing: the two go together")


@dataclass(slots=True)
class Settings:
    """What the file says: the front end's own table, the plugins' in their order, and what is wrong so far."""

    source: Path
    front_end: FrontEndSettings = field(default_factory=FrontEndSettings)
    tables: list[Table] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where relative names in the file begin."""
        return self.source.parent

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / self.front_end.state

    def refused(self, more: Iterable[Mistake] = ()) -> SettingsError:
        """The error that lists every mistake by line."""
        return SettingsError([f"{self.source}:{m.line}: {m.text}" for m in sorted({*self.mistakes, *more})])


def read(path: Path) -> Settings:
    """Read plugins.toml.  Mistakes are kept, not raised: the plugin host has more to add.

    Raises SettingsError when there is no text to read at all.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SETTINGS + 1)
    except FileNotFoundError:
        raise SettingsError([f"{path} is not there; `init` writes one to begin with"]) from None
    except OSError as wrong:
        raise SettingsError([f"{path} cannot be read: {(wrong.strerror or '').lower()}"]) from None
    if len(raw) > MAX_SETTINGS:
        raise SettingsError([f"{path} is longer than {MAX_SETTINGS} bytes"])
    try:
        return parse(raw.decode("utf-8-sig"), path)
    except UnicodeDecodeError as wrong:
        line = raw.count(b"\n", 0, wrong.start) + 1
        raise SettingsError([f"{path}:{line}: the file is not UTF-8; save it in that encoding"]) from None


def parse(text: str, source: Path) -> Settings:
    """The settings in a text; ``source`` is where it stands, for messages and relative names."""
    tables, mistakes = tables_of(text.replace("\r\n", "\n"))
    settings = Settings(source.absolute(), mistakes=mistakes)
    for table in tables:
        if table.name != FRONT_END:
            settings.tables.append(table)
            continue
        front_end, wrong = checked(FrontEndSettings, table, settings.folder)
        settings.mistakes += wrong
        if isinstance(front_end, FrontEndSettings):
            store = front_end.store and str(settings.folder / front_end.store)
            settings.front_end = msgspec.structs.replace(front_end, store=store)
    return settings
