"""Commands about people: accounts, their directory entries and their passwords."""

from __future__ import annotations

import secrets
import sys
from typing import Any, BinaryIO

import click

from ..errors import HereaboutsError
from . import show
from .commands import Commands
from .place import Place, placed

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""What passwords of our making consist of: nothing that looks like something else."""


@click.group(cls=Commands)
def user() -> None:
    """Manage people: who has an account, and what the directory says of them.

    These commands work while the server runs and while it does not.
    """


def new_password() -> str:
    """A password of our making: five bits a letter, eighty in all."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def described(command: Any) -> Any:
    """The options that fill a directory entry."""
    for option in (
        click.option("--language", metavar="TAG", help="A language tag: en, de."),
        click.option("--time-zone", metavar="ZONE", help="Of the IANA database: Europe/Berlin."),
        click.option("--title", help="What they do: Head of Sales."),
        click.option("--phone", "phones", multiple=True, metavar="NUMBER", help="A phone number; may be repeated."),
        click.option("--mail", metavar="ADDRESS", help="Their mail address."),
        click.option("--name", help="The name that others see."),
    ):
        command = option(command)
    return command


@user.command()
@click.argument("address")
@described
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--generate", is_flag=True, help="Make a password and print it.")
@click.option("--no-password", is_flag=True, help="Give none: a plugin decides who signs in as them.")
@placed
def add(place: Place, address: str, password_stdin: bool, generate: bool, no_password: bool, **entry: Any) -> None:
    """Add a person.  The password is asked for, unless an option says where it comes from.

    \b
    Examples:
      hereabouts user add alice --name "Alice Example"
      hereabouts user add bob@example.test --generate
      pass show carol | hereabouts user add carol --password-stdin
    """
    password = None if no_password else _password(password_stdin, generate)
    person = place.do("add_person", address=address, password=password, **_given(entry))

    def told(person: dict[str, Any]) -> None:
        click.echo(f"{person['address']} can sign in now." if password else f"{person['address']} is in the directory.")
        if generate:
            click.echo(f"The password is: {password}")

    place.show(person | ({"password": password} if generate else {}), told)


@user.command("list")
@click.argument("query", default="")
@placed
def list_(place: Place, query: str) -> None:
    """List people; with a QUERY those whose name, address, mail or phone contains it.

    \b
    Examples:
      hereabouts user list
      hereabouts user list smith --json
    """
    heads = ("ADDRESS", "NAME", "MAIL", "PHONES", "TITLE")

    def table(people: list[dict[str, Any]]) -> None:
        rows = [(p["address"], p["name"], p["mail"], " ".join(p["phones"]), p["title"]) for p in people]
        show.print_table(heads, rows, "Nobody fits." if query else "There is nobody yet: `user add` adds somebody.")

    place.show(place.do("people", query=query, limit=100_000), table)


@user.command()
@click.argument("who")
@described
@placed
def change(place: Place, who: str, **entry: Any) -> None:
    """Change what the directory says of somebody; what is not given stays as it is.

    \b
    Example:
      hereabouts user change alice --title "Head of Sales" --phone +49301234567
    """
    person = place.do("change_person", who=who, **_given(entry))
    place.show(
        person, lambda p: show.print_facts([(k, v if isinstance(v, str) else " ".join(v)) for k, v in p.items()])
    )


@user.command()
@click.argument("who")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--generate", is_flag=True, help="Make a password and print it.")
@placed
def passwd(place: Place, who: str, password_stdin: bool, generate: bool) -> None:
    """Give somebody a new password.

    \b
    Examples:
      hereabouts user passwd alice
      hereabouts user passwd alice --generate
    """
    password = _password(password_stdin, generate)
    place.do("set_password", who=who, password=password)

    def told(_: Any) -> None:
        click.echo(f"The new password is: {password}" if generate else f"{who} has a new password.")

    place.show({"who": who} | ({"password": password} if generate else {}), told)


@user.command()
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@placed
def remove(place: Place, who: str, yes: bool) -> None:
    """Remove somebody with their contact list.  Conversations and records stay.

    \b
    Example:
      hereabouts user remove dave
    """
    if not yes:
        click.confirm(f"Remove {who} and their contact list?", abort=True)
    place.do("remove_person", who=who)
    place.show({"removed": who}, lambda _: click.echo(f"{who} is removed."))


@user.command("import")
@click.argument("file", type=click.File("rb"))
@placed
def import_(place: Place, file: BinaryIO) -> None:
    """Add the people of a CSV table: all of them, or nobody if the table has a mistake.

    The first line names the columns, in any order: address, name, mail, phones, title, time_zone, language, password,
    contacts.  Only the address is needed; several phones or contacts have semicolons between them.

    \b
    Examples:
      hereabouts user import people.csv
      ldap2csv | hereabouts user import -
    """
    try:
        table = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise HereaboutsError(f"{file.name} is not UTF-8: save it in that encoding") from None
    done = place.do("import_people", table=table)
    place.show(done, lambda done: click.echo(f"{done['added']} people can be found and written to now."))


def _given(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in entry.items() if value}


def _password(from_stdin: bool, generate: bool) -> str:
    if generate:
        return new_password()
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise HereaboutsError("there is no terminal to ask for a password: give --password-stdin or --generate")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt="Once more")
    return answer
