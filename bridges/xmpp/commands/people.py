"""Service administration of accounts (XEP-0133): people are added, changed and removed as on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.administration import perform
from ....core.errors import BadRequest, NotFound, Refused
from ....core.identity import Identity
from ..forms import Answers, Field, form
from ..presence.roster import item
from ..syntax import xml
from .command import Command, May, Outcome, Stage, asks

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

ADMIN = "http://jabber.org/protocol/admin"
"""The namespace of service administration, and the type of its forms."""
MAX_AT_ONCE = 100
"""People one command may be about."""

ACCOUNT = Field("accountjid", "jid-single", "Address", required=True)
ACCOUNTS = Field("accountjids", "jid-multi", "Addresses", required=True)
PASSWORD = Field("password", "text-private", "Password", required=True)
TWICE = Field("password-verify", "text-private", "The same password once more", required=True)
NAME = Field("given_name", label="Given name")
SURNAME = Field("surname", label="Surname")
MAIL = Field("email", label="E-mail address")


class PeopleCommands:
    """What administrators do to accounts.  Each ends as the deed of the same kind does, or with its error."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    def commands(self, may: May) -> Iterable[Command]:
        """All of them, for those who may."""
        add = asks("Add a person", "Who can sign in from now on?", ACCOUNT, PASSWORD, TWICE, MAIL, NAME, SURNAME)
        yield Command(f"{ADMIN}#add-user", "Add a person", self.add, may, (add,), ADMIN)
        delete = asks("Remove people", "Their contact lists go with them; conversations and records stay.", ACCOUNTS)
        yield Command(f"{ADMIN}#delete-user", "Remove people", self.delete, may, (delete,), ADMIN)
        password = asks("Change a password", "The old one is good for nothing from then on.", ACCOUNT, PASSWORD)
        name = "Change somebody's password"
        yield Command(f"{ADMIN}#change-user-password", name, self.change_password, may, (password,), ADMIN)
        roster = asks("Look at a contact list", "Whose?", ACCOUNTS._replace(label="Address"))
        name = "Look at somebody's contact list"
        yield Command(f"{ADMIN}#get-user-roster", name, self.roster, may, (roster,), ADMIN)
        whose = asks("Change what the directory says", "Of whom?", ACCOUNT)
        name = "Change what the directory says of somebody"
        yield Command("change-person", name, self.change, may, (whose, self.entry))

    async def add(self, admin: Identity, answers: Answers) -> Outcome:
        """Section 4.1."""
        if answers.one("password") != answers.one("password-verify"):
            raise BadRequest("the two passwords differ")
        name = f"{answers.one('given_name')} {answers.one('surname')}".strip()
        address, mail = _bare(answers.one("accountjid")), answers.one("email")
        given = {"address": address, "password": answers.one("password"), "name": name, "mail": mail}
        await perform(self._front_end, "add_person", **given)
        return Outcome(f"{address} can sign in now.")

    async def delete(self, admin: Identity, answers: Answers) -> Outcome:
        """Section 4.2.  Nobody is removed if one of them is not there."""
        people = await self._existing(answers)
        if str(admin) in people:
            raise Refused("you would remove yourself")
        for who in people:
            await perform(self._front_end, "remove_person", who=who)
        return Outcome(f"{len(people)} removed.")

    async def change_password(self, admin: Identity, answers: Answers) -> Outcome:
        """Section 4.7."""
        who = _bare(answers.one("accountjid"))
        await perform(self._front_end, "set_password", who=who, password=answers.one("password"))
        return Outcome(f"{who} has a new password.")

    async def roster(self, admin: Identity, answers: Answers) -> Outcome:
        """Section 4.8: in the form, as the roster itself is written."""
        people = await self._existing(answers)
        if len(people) != 1:
            raise BadRequest("one contact list is shown at a time")
        contacts = await self._front_end.contacts.of(Identity.parse(people[0]))
        query = xml.element("query", {"xmlns": xml.ROSTER}, b"".join(item(contact) for contact in contacts))
        head = form([Field("accountjids", "jid-multi", values=(people[0],))], type="result", form_type=ADMIN)
        return Outcome(report=head.removesuffix(b"</x>") + query + b"</x>")

    async def entry(self, answers: Answers) -> Stage:
        """The entry as it is."""
        person = await perform(self._front_end, "person", who=_bare(answers.one("accountjid")))
        return Stage(
            person.address,
            "What colleagues may look up.",
            (
                Field("name", label="Name", values=(person.name,)),
                Field("email", label="E-mail address", values=(person.mail,)),
                Field("phones", "text-multi", "Telephone numbers", tuple(person.phones)),
                Field("title", label="Title", values=(person.title,)),
                Field("time_zone", label="Time zone, such as Europe/Berlin", values=(person.time_zone,)),
                Field("language", label="Language, such as en or de", values=(person.language,)),
            ),
        )

    async def change(self, admin: Identity, answers: Answers) -> Outcome:
        """The entry as it is to be."""
        who = _bare(answers.one("accountjid"))
        given = {part: answers.one(part) for part in ("name", "title", "time_zone", "language")}
        phones = [phone.strip() for phone in answers["phones"] if phone.strip()]
        await perform(self._front_end, "change_person", who=who, mail=answers.one("email"), phones=phones, **given)
        return Outcome(f"The directory knows {who} anew.")

    async def _existing(self, answers: Answers) -> list[str]:
        """Raises NotFound where one of them does not exist."""
        people = list(dict.fromkeys(_bare(one) for one in answers["accountjids"]))
        if len(people) > MAX_AT_ONCE:
            raise BadRequest(f"no more than {MAX_AT_ONCE} people at once")
        for who in people:
            if not await self._front_end.accounts.exists(Identity.parse(who)):
                raise NotFound(f"nobody is called {who}")
        return people


def _bare(address: str) -> str:
    """Accounts have no resources.  Raises BadRequest."""
    if "/" in address or "@" not in address:
        raise BadRequest(f"{address} is no account's address")
    return address
