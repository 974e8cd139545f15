"""People, credentials, contact lists and documents in SQLite."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from ..contacts import Contact
from ..identity import Identity
from ..people import Person
from .appends import Appends
from .reader import Reader
from .rows import (
    CONTACT,
    PERSON,
    bounded,
    contact_of,
    contact_row,
    identity_of,
    micros,
    person_of,
    person_row,
)
from .writer import Writer

PUT_PERSON = f"INSERT OR REPLACE INTO people ({PERSON}, folded, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_CONTACT = f"INSERT OR REPLACE INTO contacts ({CONTACT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
FORGET_PERSON = (
    "DELETE FROM people WHERE address = :who",
    "DELETE FROM credentials WHERE who = :who",
    "DELETE FROM contacts WHERE owner = :who OR address = :who",
    "DELETE FROM blocked WHERE owner = :who",
    "DELETE FROM documents WHERE key = :who OR substr(key, 1, length(:who) + 1) = :who || '/'",
)

LAST_CHARACTER = "\U0010ffff"
"""Sorts after every character that a key may have (it is none)."""


class SqliteProfiles:
    """Implements Profiles: as many methods as the protocol has.

    A document belongs to a person when its key is their address, or begins with it and a slash.
    """

    _writer: Writer
    _reader: Reader
    _clock: Callable[[], datetime]

    async def person(self, who: Identity) -> Person | None:
        return await self._reader.ask(_person, who)

    async def people(self, query: str = "", limit: int = 1000) -> Sequence[Person]:
        return await self._reader.ask(_people, query, limit)

    async def put_person(self, who: Identity, person: Person) -> None:
        row = (*person_row(str(who), person), folded(str(who), person), micros(self._clock()))
        await self._writer.run(_execute, PUT_PERSON, row)

    async def remove_person(self, who: Identity) -> None:
        await self._writer.run(_remove_person, who)

    async def credentials(self, who: Identity) -> Mapping[str, str]:
        return await self._reader.ask(_credentials, who)

    async def put_credentials(self, who: Identity, keys: Mapping[str, str]) -> None:
        await self._writer.run(_put_credentials, who, dict(keys))

    async def contacts(self, owner: Identity) -> Sequence[Contact]:
        return await self._reader.ask(_contacts, "owner = ? ORDER BY address", str(owner))

    async def contact(self, owner: Identity, address: Identity) -> Contact | None:
        found = await self._reader.ask(_contacts, "owner = ? AND address = ?", str(owner), str(address))
        return found[0] if found else None

    async def watchers(self, who: Identity) -> Sequence[Contact]:
        return await self._reader.ask(_contacts, "address = ? ORDER BY owner", str(who))

    async def put_contacts(self, changed: Iterable[Contact], removed: Iterable[tuple[Identity, Identity]] = ()) -> None:
        await self._writer.run(_put_contacts, list(changed), list(removed))

    async def blocked(self, owner: Identity) -> frozenset[Identity]:
        return await self._reader.ask(_blocked, owner)

    async def put_blocked(self, owner: Identity, blocked: frozenset[Identity]) -> None:
        await self._writer.run(_put_blocked, owner, blocked)

    async def document(self, kind: str, key: str) -> bytes | None:
        return await self._reader.ask(_document, kind, key)

    async def put_document(self, kind: str, key: str, body: bytes | None) -> None:
        if body is None:
            await self._writer.run(_execute, "DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))
        else:
            row = (kind, key, body, micros(self._clock()))
            await self._writer.run(_execute, "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", row)

    async def documents(self, kind: str, prefix: str = "") -> Mapping[str, bytes]:
        return await self._reader.ask(_documents, kind, prefix)

    async def document_kinds(self) -> Sequence[str]:
        return await self._reader.ask(_document_kinds)


def folded(address: str, person: Person) -> str:
    """What a search looks at.  SQLite's LIKE knows the letter case of ASCII only."""
    return fold("\n".join((person.name, address, person.mail, *person.phones)))


def fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


# ---- questions, in the reader's thread


def _person(db: sqlite3.Connection, who: Identity) -> Person | None:
    row = db.execute(f"SELECT {PERSON} FROM people WHERE address = ?", [str(who)]).fetchone()
    return person_of(row) if row else None


def _people(db: sqlite3.Connection, query: str, limit: int) -> list[Person]:
    rows = db.execute(
        f"SELECT {PERSON} FROM people WHERE instr(folded, ?) > 0 ORDER BY address LIMIT ?",
        [fold(query), bounded(limit)],
    )
    return [person_of(row) for row in rows]


def _credentials(db: sqlite3.Connection, who: Identity) -> dict[str, str]:
    return dict(db.execute("SELECT kind, key FROM credentials WHERE who = ?", [str(who)]).fetchall())


def _contacts(db: sqlite3.Connection, where: str, *given: str) -> list[Contact]:
    return [contact_of(row) for row in db.execute(f"SELECT {CONTACT} FROM contacts WHERE {where}", given)]


def _blocked(db: sqlite3.Connection, owner: Identity) -> frozenset[Identity]:
    rows = db.execute("SELECT who FROM blocked WHERE owner = ?", [str(owner)])
    return frozenset(identity_of(who) for (who,) in rows)


def _document(db: sqlite3.Connection, kind: str, key: str) -> bytes | None:
    row = db.execute("SELECT body FROM documents WHERE kind = ? AND key = ?", [kind, key]).fetchone()
    return row[0] if row else None


def _documents(db: sqlite3.Connection, kind: str, prefix: str) -> dict[str, bytes]:
    rows = db.execute(
        "SELECT key, body FROM documents WHERE kind = ? AND key >= ? AND key < ? ORDER BY key",
        [kind, prefix, prefix + LAST_CHARACTER],
    )
    return dict(rows.fetchall())


def _document_kinds(db: sqlite3.Connection) -> list[str]:
    return [kind for (kind,) in db.execute("SELECT DISTINCT kind FROM documents ORDER BY kind")]


# ---- jobs, in the writer's thread


def _execute(db: sqlite3.Connection, appends: Appends, statement: str, row: Sequence[object]) -> None:
    db.execute(statement, row)


def _remove_person(db: sqlite3.Connection, appends: Appends, who: Identity) -> None:
    for statement in FORGET_PERSON:
        db.execute(statement, {"who": str(who)})


def _put_credentials(db: sqlite3.Connection, appends: Appends, who: Identity, keys: dict[str, str]) -> None:
    db.execute("DELETE FROM credentials WHERE who = ?", [str(who)])
    db.executemany("INSERT INTO credentials VALUES (?, ?, ?)", [(str(who), *item) for item in keys.items()])


def _put_contacts(
    db: sqlite3.Connection, appends: Appends, changed: list[Contact], removed: list[tuple[Identity, Identity]]
) -> None:
    db.executemany(
        "DELETE FROM contacts WHERE owner = ? AND address = ?", [(str(owner), str(who)) for owner, who in removed]
    )
    db.executemany(PUT_CONTACT, map(contact_row, changed))


def _put_blocked(db: sqlite3.Connection, appends: Appends, owner: Identity, blocked: frozenset[Identity]) -> None:
    db.execute("DELETE FROM blocked WHERE owner = ?", [str(owner)])
    db.executemany("INSERT INTO blocked VALUES (?, ?)", [(str(owner), str(who)) for who in sorted(blocked)])
