"""People from a table: what is read, which mistakes are told with which fix, and that a mistake adds nobody."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.csv_people import MAX_CELL, MAX_MISTAKES, MAX_TABLE, BadTable, add, read
from ...core.people import Person
from ..people import ALICE, BOB, CAROL, DAVE, who
from ..stage import PASSWORD

DOMAINS = ("example.test", "second.test")
HEADER = "address,name,mail,phones,title,time_zone,language,password,contacts\n"


def mistakes(text: str) -> list[str]:
    with pytest.raises(BadTable) as wrong:
        read(text, DOMAINS)
    return wrong.value.mistakes


# ---- reading


def test_a_full_line():
    (entry,) = read(
        HEADER + "Erin@Example.test,Erin Eve,erin@mail.test,+49 30 1234; 17,Engineer,Europe/Berlin,de-DE,s3cret,"
        "alice@example.test; bob@example.test\n",
        DOMAINS,
    )
    assert entry.who == who("erin")
    assert entry.person == Person(
        "erin@example.test",
        "Erin Eve",
        "erin@mail.test",
        ["+49 30 1234", "17"],
        "Engineer",
        "Europe/Berlin",
        "de-DE",
    )
    assert (entry.line, entry.password, entry.contacts) == (2, "s3cret", (ALICE, BOB))


def test_the_address_alone_is_enough():
    (entry,) = read("address\nerin@example.test\n", DOMAINS)
    assert (entry.person, entry.password, entry.contacts) == (Person("erin@example.test"), None, ())


def test_columns_in_any_order_and_in_anybodys_spelling():
    (entry,) = read("Name , Time Zone,ADDRESS\nErin,Europe/Paris,erin@example.test", DOMAINS)
    assert (entry.person.name, entry.person.time_zone) == ("Erin", "Europe/Paris")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_as_spreadsheets_write_it(delimiter, end, mark):
    lines = [
        ["address", "name"],
        ["erin@example.test", '"Eve, Erin; ""E"""'],
        ["", ""],
        ["frank@example.test", "Frank"],
    ]
    people = read(mark + end.join(delimiter.join(line) for line in lines), DOMAINS)
    assert [(entry.person.name, entry.line) for entry in people] == [('Eve, Erin; "E"', 2), ("Frank", 4)]


def test_a_line_is_the_one_on_which_the_person_begins():
    """Cells with line breaks do not shift the numbers; they are a mistake of their own line."""
    text = 'address,title\nerin@example.test,"two\nlines"\nfrank@example.test,fine\nnobody,x\n'
    assert [mistake.partition(":")[0] for mistake in mistakes(text)] == ["line 2", "line 5"]


def test_a_password_keeps_its_spaces_and_the_rest_does_not():
    (entry,) = read('address,name,password\nerin@example.test,  Erin ," two words "\n', DOMAINS)
    assert (entry.person.name, entry.password) == ("Erin", " two words ")


def test_people_of_every_domain_of_ours():
    assert [entry.who.domain for entry in read("address\na@example.test\na@second.test\n", DOMAINS)] == list(DOMAINS)


# ---- mistakes


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("erin", "'erin' is not an address of the form user@domain"),
        (",Nameless", "'' is not an address"),
        ("erin@elsewhere.test", "erin@elsewhere.test is not of a domain of ours; ours are example.test, second.test"),
        ("erin@example.test,,erin at mail", 'mail "erin at mail" is no mail address'),
        ("erin@example.test,,erin@", 'mail "erin@" is no mail address'),
        ("erin@example.test,,,ask Bob", 'phones: "ask Bob" is no number such as +49 30 1234'),
        ("erin@example.test,,,+49 1; ()", 'phones: "()" is no number'),
        ("erin@example.test,,,,,Europe/Berlln", 'no time zone "Europe/Berlln"; did you mean Europe/Berlin?'),
        ("erin@example.test,,,,,Narnia/Lantern", "no time zone"),
        ("erin@example.test,,,,,,deutsch!", 'language "deutsch!" is no language tag such as de or en-GB'),
        ("erin@example.test,,,,,,,bell\a", "a password has characters that none may have"),
        ("erin@example.test,,,,,,,,nobody", "contacts: 'nobody' is not an address of the form user@domain"),
        ("erin@example.test,,,,,,,,ERIN@example.test", "contacts: nobody is a contact of their own"),
        ("erin@example.test,Er\0in", "name has control characters; take them out"),
        (f"erin@example.test,{'x' * (MAX_CELL + 1)}", f"name is longer than {MAX_CELL} characters; shorten it"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_fix(line, said):
    cells = line.split(",")
    text = HEADER + "first@example.test,,,,,,,,\n" + ",".join(cells + [""] * (9 - len(cells))) + "\n"
    (mistake,) = mistakes(text)
    assert mistake.startswith("line 3: ")
    assert said in mistake


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the table is empty; its first line names the columns: address,name"),
        (" , \n\n", "line 1: the table is empty"),
        ("name\nErin\n", "line 1: the column address is missing"),
        ("address,adress\n", 'line 1: there is no column "adress"; did you mean address?'),
        ("address,shoe size\n", 'line 1: there is no column "shoe_size"; the columns are address, name'),
        ("address,name,NAME\n", "line 1: the column name is there twice; take one out"),
        ('address\n"erin@example.test\n', "line 2: this is no CSV"),
        ('address\n"a"b@example.test\n', "line 2: this is no CSV"),
    ],
)
def test_a_table_that_is_none(text, said):
    assert any(mistake.startswith(said) for mistake in mistakes(text))


def test_too_many_and_too_few_cells():
    many, few = mistakes("address,name\nerin@example.test,Eve, Erin\nfrank@example.test\n")
    assert many == "line 2: there are 3 cells for 2 columns; a cell with a comma or semicolon in it needs quotes"
    assert few == "line 3: there are 1 cells for 2 columns; leave none out"


def test_the_same_person_twice():
    (mistake,) = mistakes("address\nerin@example.test\nfrank@example.test\nErin@Example.TEST\n")
    assert mistake == "line 4: erin@example.test is on line 2 too; take one out"


def test_every_mistake_is_told_at_once():
    text = HEADER + "erin,,no mail,,,,,,\nfrank@example.test,,,phone,,,!,,x\n"
    assert [mistake.partition(":")[0] for mistake in mistakes(text)] == ["line 2"] * 2 + ["line 3"] * 3


def test_a_thousand_mistakes_are_counted_and_not_all_told():
    told = mistakes("address\n" + "nobody\n" * 1000)
    assert len(told) == MAX_MISTAKES + 1
    assert told[-1] == f"and {1000 - MAX_MISTAKES} more mistakes"


def test_a_table_has_a_limit(monkeypatch):
    assert "split it" in mistakes("x" * (MAX_TABLE + 1))[0]
    monkeypatch.setattr(f"{read.__module__}.MAX_PEOPLE", 3)
    text = "address\n" + "".join(f"p{number}@example.test\n" for number in range(5))
    assert mistakes(text) == ["line 5: more than 3 people; split the table"]


def test_no_mistake_shows_a_password():
    text = HEADER + "erin@example.test,,,,,,,canary\0canary,\nfrank,,,,,,,canary,\ngrace@example.test,,,,,,,canary\n"
    assert "canary" not in "\n".join(mistakes(text))


@given(st.text(alphabet=st.sampled_from('adres,;"\n\r\t@.: \0é'), max_size=60))
def test_any_text_is_people_or_mistakes(text):
    try:
        people = read("address,name\n" + text, DOMAINS)
    except BadTable as wrong:
        assert wrong.mistakes
        assert all(mistake.startswith("line ") for mistake in wrong.mistakes)
    else:
        assert len({entry.who for entry in people}) == len(people)


# ---- adding


async def test_the_people_of_a_table_exist_and_sign_in(front_end):
    table = "address,name,password\nerin@example.test,Erin,secret\nfrank@example.test,Frank,\n"
    assert await add(read(table, DOMAINS), front_end.accounts, front_end.contacts) == 2
    assert (await front_end.accounts.person(who("erin"))).name == "Erin"
    assert await front_end.accounts.check_password(who("erin"), "secret")
    assert not await front_end.accounts.check_password(who("frank"), "")


async def test_contacts_see_whom_they_have(front_end):
    table = (
        "address,name,contacts\n"
        "erin@example.test,Erin,frank@example.test;alice@example.test\n"
        "frank@example.test,Frank,erin@example.test\n"
    )
    await add(read(table, DOMAINS), front_end.accounts, front_end.contacts)
    erin, frank = who("erin"), who("frank")
    listed = {entry.address: entry for entry in await front_end.contacts.of(erin)}
    assert {address: (e.name, str(e.subscription)) for address, e in listed.items()} == {
        ALICE: ("Alice", "to"),
        frank: ("Frank", "both"),
    }
    assert [str(e.subscription) for e in await front_end.contacts.of(ALICE)] == ["from"]
    assert await front_end.contacts.questions(frank) == []


async def test_who_exists_already_is_a_mistake_and_nobody_is_added(front_end):
    table = "address,contacts\nerin@example.test,\nbob@example.test,\nfrank@example.test,nobody@example.test\n"
    with pytest.raises(BadTable) as wrong:
        await add(read(table, DOMAINS), front_end.accounts, front_end.contacts)
    assert wrong.value.mistakes == [
        "line 3: bob@example.test exists already; take the line out",
        "line 4: the contact nobody@example.test is nobody here; add them or take them out",
    ]
    assert not await front_end.accounts.exists(who("erin"))
    assert await front_end.accounts.check_password(BOB, PASSWORD)


async def test_many_people_are_added_without_holding_up_the_server(front_end):
    table = "address,password\n" + "".join(f"p{number}@example.test,secret{number}\n" for number in range(30))
    adding = asyncio.create_task(add(read(table, DOMAINS), front_end.accounts, front_end.contacts))
    answered = 0
    while not adding.done():
        assert await front_end.contacts.level(CAROL, DAVE) is not None
        await asyncio.sleep(0)
        answered += 1
    assert await adding == 30
    assert answered > 10
    assert await front_end.accounts.check_password(who("p29"), "secret29")
