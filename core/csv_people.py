"""People from a table: a CSV file with a line for each, checked as a whole before anybody is added.

Columns, in any order: address, name, mail, phones, title, time_zone, language, password, contacts.  Only the address is
needed.  Several phones or contacts stand in one cell with semicolons between them.
"""

from __future__ import annotations

import asyncio
import csv
import difflib
import io
import string
import zoneinfo
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from .errors import BadAddress, BadRequest, HereaboutsError
from .identity import Identity
from .passwords import opaque
from .people import Person

if TYPE_CHECKING:
    from .accounts import Accounts
    from .contact_lists import ContactLists

COLUMNS = ("address", "name", "mail", "phones", "title", "time_zone", "language", "password", "contacts")
MAX_TABLE = 64 * 1024 * 1024
"""Characters of a table."""
MAX_PEOPLE = 100_000
"""Lines of a table."""
MAX_CELL = 8192
"""Characters of a cell."""
MAX_MISTAKES = 200
"""Mistakes that are told at once."""
AT_ONCE = 20
"""People added at the same time, so that the disk's work for one is done while another's password is hashed."""

DIALLED = frozenset(string.digits + "+-./()*# ")
"""What a phone number is written with."""


class BadTable(BadRequest):
    """A table with mistakes; ``mistakes`` has every one of them, each with its line and the fix."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        more = len(mistakes) - MAX_MISTAKES
        self.mistakes = [*mistakes[:MAX_MISTAKES], *([f"and {more} more mistakes"] if more > 0 else [])]
        super().__init__("\n".join(self.mistakes))


class NewPerson(NamedTuple):
    """One line of the table."""

    line: int
    who: Identity
    person: Person
    password: str | None
    contacts: tuple[Identity, ...]


@dataclass(slots=True)
class Table:
    """What has been read so far, and what was wrong with it."""

    domains: Collection[str]
    people: list[NewPerson] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    lines: dict[Identity, int] = field(default_factory=dict)

    def wrong(self, line: int, text: str) -> None:
        """Note a mistake."""
        self.mistakes.append(f"line {line}: {text}")


def read(text: str, domains: Collection[str]) -> list[NewPerson]:
    """The people of a table.  Raises BadTable with every mistake that can be seen in the table itself."""
    if len(text) > MAX_TABLE:
        raise BadTable([f"line 1: the table is longer than {MAX_TABLE} characters; split it"])
    table = Table(domains)
    rows = _rows(text.removeprefix("\ufeff"), table)
    header = next(rows, None)
    if header is None:
        table.wrong(1, "the table is empty; its first line names the columns: " + ",".join(COLUMNS))
    elif columns := _columns(*header, table):
        for line, cells in rows:
            _read_row(line, cells, columns, table)
            if len(table.lines) > MAX_PEOPLE:
                table.wrong(line, f"more than {MAX_PEOPLE} people; split the table")
                break
    if table.mistakes:
        raise BadTable(table.mistakes)
    return table.people


async def add(people: Sequence[NewPerson], accounts: Accounts, contacts: ContactLists) -> int:
    """Add them all; whom somebody has as a contact, they see.  Returns how many.

    Raises BadTable, and adds nobody, when somebody exists already or a contact exists neither here nor in the table.
    """
    named = {entry.who for entry in people}
    mistakes = []
    for entry in people:
        if await accounts.exists(entry.who):
            mistakes.append(f"line {entry.line}: {entry.who} exists already; take the line out")
        for contact in entry.contacts:
            if contact not in named and not await accounts.exists(contact):
                mistakes.append(f"line {entry.line}: the contact {contact} is nobody here; add them or take them out")
    if mistakes:
        raise BadTable(mistakes)
    for begin in range(0, len(people), AT_ONCE):
        batch = people[begin : begin + AT_ONCE]
        await asyncio.gather(*(accounts.add(entry.who, entry.password, entry.person) for entry in batch))
    for entry in people:
        for contact in entry.contacts:
            known = await accounts.person(contact)
            await contacts.put(entry.who, contact, name=known.name if known else "", groups=())
            await contacts.grant(contact, entry.who)
            await contacts.ask(entry.who, contact)
    return len(people)


def _rows(text: str, table: Table) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, with their numbers; quoted cells may run over several."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            table.wrong(line, f"this is no CSV ({error}); a quote inside a quoted cell is written twice")
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _columns(line: int, cells: list[str], table: Table) -> list[str] | None:
    """The columns that the first line names."""
    names = [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in cells]
    for name in names:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1)
            fix = f"did you mean {near[0]}?" if near else f"the columns are {', '.join(COLUMNS)}"
            table.wrong(line, f'there is no column "{name[:40]}"; {fix}')
        elif names.count(name) > 1:
            table.wrong(line, f"the column {name} is there twice; take one out")
    if "address" not in names:
        table.wrong(line, "the column address is missing; the first line names the columns")
    return None if table.mistakes else names


def _read_row(line: int, cells: list[str], columns: list[str], table: Table) -> None:
    before = len(table.mistakes)
    if len(cells) != len(columns):
        fix = "a cell with a comma or semicolon in it needs quotes" if len(cells) > len(columns) else "leave none out"
        table.wrong(line, f"there are {len(cells)} cells for {len(columns)} columns; {fix}")
        return
    row = {name: cell if name == "password" else cell.strip() for name, cell in zip(columns, cells)}
    for name, cell in row.items():
        if len(cell) > MAX_CELL:
            table.wrong(line, f"{name} is longer than {MAX_CELL} characters; shorten it")
        elif name != "password" and not all(c.isprintable() for c in cell):
            table.wrong(line, f"{name} has control characters; take them out")
    if len(table.mistakes) > before:
        return
    who = _address(line, row, table)
    contacts = _contacts(line, row.get("contacts", ""), who, table)
    _check_directory(line, row, table)
    password = _password(line, row.get("password", ""), table)
    if who is not None and len(table.mistakes) == before:
        details = {name: row.get(name, "") for name in ("name", "mail", "title", "time_zone", "language")}
        person = Person(str(who), phones=_several(row.get("phones", "")), **details)
        table.people.append(NewPerson(line, who, person, password, contacts))


def _address(line: int, row: dict[str, str], table: Table) -> Identity | None:
    try:
        who = Identity.parse(row["address"])
    except BadAddress as error:
        table.wrong(line, f"{error}")
        return None
    if who.domain not in table.domains:
        table.wrong(line, f"{who} is not of a domain of ours; ours are {', '.join(table.domains)}")
    elif who in table.lines:
        table.wrong(line, f"{who} is on line {table.lines[who]} too; take one out")
    table.lines.setdefault(who, line)
    return who


def _contacts(line: int, cell: str, owner: Identity | None, table: Table) -> tuple[Identity, ...]:
    found: dict[Identity, None] = {}
    for text in _several(cell.replace(" ", ";")):
        try:
            who = Identity.parse(text)
        except BadAddress as error:
            table.wrong(line, f"contacts: {error}; semicolons go between several")
            continue
        if who == owner:
            table.wrong(line, "contacts: nobody is a contact of their own; take the address out")
        found[who] = None
    return tuple(found)


def _check_directory(line: int, row: dict[str, str], table: Table) -> None:
    mail, zone, language = row.get("mail", ""), row.get("time_zone", ""), row.get("language", "")
    if mail and (mail.count("@") != 1 or " " in mail or mail[0] == "@" or mail[-1] == "@"):
        table.wrong(line, f'mail "{mail[:80]}" is no mail address such as alice@example.com')
    for phone in _several(row.get("phones", "")):
        if not set(phone) <= DIALLED or not set(phone) & set(string.digits):
            table.wrong(line, f'phones: "{phone[:40]}" is no number such as +49 30 1234; semicolons go between several')
    if zone and zone not in (zones := _time_zones()) and zones:
        near = difflib.get_close_matches(zone, zones, 1)
        fix = f"did you mean {near[0]}?" if near else "names are like Europe/Berlin"
        table.wrong(line, f'there is no time zone "{zone[:40]}"; {fix}')
    parts = language.split("-")
    if language and not (parts[0].isalpha() and all(p.isascii() and p.isalnum() and len(p) <= 8 for p in parts)):
        table.wrong(line, f'language "{language[:40]}" is no language tag such as de or en-GB')


def _password(line: int, cell: str, table: Table) -> str | None:
    if not cell.strip():
        return None
    try:
        opaque(cell)
    except HereaboutsError as error:
        table.wrong(line, str(error))
    return cell


def _several(cell: str) -> list[str]:
    return [part.strip() for part in cell.replace(",", ";").split(";") if part.strip()]


@cache
def _time_zones() -> frozenset[str]:
    """The names this machine knows; none where it has no time zone database."""
    return frozenset(zoneinfo.available_timezones())
