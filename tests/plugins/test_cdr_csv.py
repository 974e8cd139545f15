"""Records as CSV: one row each, safe to open in a spreadsheet."""

import csv
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.call import DECLINED, Party
from ...core.cdr import Attendance, CallFacts, Seat
from ...plugins.cdr_csv import COLUMNS, CsvFile, as_csv, row_of
from ..records import BEGAN, Records, record
from ..stage import ALICE, BOB, CAROL, front_end_in, say


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def exported(tmp_path, *records):
    async with CsvFile(CsvFile.Options()).lifespan(SimpleNamespace(store=Records(*records), state=tmp_path)):
        pass
    return read(tmp_path / "records.csv")


async def test_a_row_says_who_when_how_and_how_much(tmp_path):
    (row,) = await exported(tmp_path, record(7))
    assert row == {
        "number": "7",
        "conversation": "c7",
        "shape": "two-party",
        "started_at": "2024-05-06T07:08:09.000+00:00",
        "ended_at": "2024-05-06T07:09:39.000+00:00",
        "seconds": "90",
        "reason": "idle",
        "address": "",
        "subject": "",
        "continues": "",
        "participants": "alice@example.test; bob@example.test",
        "stays": "alice@example.test 2024-05-06T07:08:09.000+00:00 2024-05-06T07:09:39.000+00:00 idle; "
        "bob@example.test 2024-05-06T07:08:09.000+00:00 2024-05-06T07:09:39.000+00:00 idle",
        "clients": "alice@example.test/desk Linphone 5",
        "messages": "3",
        "messages_by": "alice@example.test 2; bob@example.test 1",
        **dict.fromkeys(COLUMNS[-11:], ""),
    }


async def test_a_row_of_a_call_says_who_called_whom_how_long_and_what_became_of_it(tmp_path):
    call = CallFacts(
        "+4930123456@example.test",
        "alice@example.test",
        direction="incoming",
        answered_by="bob@example.test",
        answered_at=BEGAN + timedelta(seconds=20),
        outcome="answered",
        media=["audio", "video"],
        route="berlin",
        transferred_to=["carol@example.test"],
        emergency=True,
    )
    (row,) = await exported(tmp_path, record(1, shape="call", call=call, messages={}))
    assert {name: row[name] for name in ("shape", "seconds", *COLUMNS[-11:])} == {
        "shape": "call",
        "seconds": "90",
        "caller": "'+4930123456@example.test",
        "callee": "alice@example.test",
        "direction": "incoming",
        "answered_by": "bob@example.test",
        "answered_at": "2024-05-06T07:08:29.000+00:00",
        "talked": "70",
        "outcome": "answered",
        "media": "audio; video",
        "route": "berlin",
        "transferred_to": "carol@example.test",
        "emergency": "yes",
    }


async def test_a_call_of_a_running_front_end(tmp_path):
    async with front_end_in(tmp_path, CsvFile(CsvFile.Options())) as front_end:
        call = await front_end.calls.begin(Party(ALICE), Party(BOB))
        await front_end.calls.ended(call, DECLINED)
    (row,) = read(tmp_path / "records.csv")
    assert (row["shape"], row["reason"], row["outcome"], row["talked"]) == ("call", "declined", "declined", "0")


async def test_somebody_who_came_back_has_two_stays_and_is_one_participant(tmp_path):
    later = BEGAN + timedelta(minutes=5)
    seats = [Seat("a@x", BEGAN, later, "left"), Seat("b@x", BEGAN, None, ""), Seat("a@x", later, None, "")]
    ends = {"a@x": [Attendance("1", "", BEGAN), Attendance("2", "Gajim", later)]}
    (row,) = await exported(tmp_path, record(1, seats=seats, endpoints=ends))
    assert row["participants"] == "a@x; b@x" and row["stays"].count("a@x") == 2
    assert row["clients"] == "a@x/1; a@x/2 Gajim"


async def test_the_header_is_there_once(tmp_path):
    await exported(tmp_path, record(1))
    store = Records(record(1), record(2))
    store.acknowledged["cdr_csv"] = 1
    async with CsvFile(CsvFile.Options()).lifespan(SimpleNamespace(store=store, state=tmp_path)):
        pass
    lines = (tmp_path / "records.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS) and [line[0] for line in lines[1:]] == ["1", "2"]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_cell_makes_a_spreadsheet_compute(tmp_path, begin):
    cell = f'{begin}HYPERLINK("http://evil.test","look")'
    (row,) = await exported(
        tmp_path, record(1, subject=cell, reason=cell, endpoints={cell: [Attendance("", cell, BEGAN)]})
    )
    assert all(row[name][0] not in "=+-@\t\r" for name in ("subject", "reason", "clients"))


@given(st.lists(st.text(), min_size=len(COLUMNS), max_size=len(COLUMNS)))
def test_whatever_is_in_it_a_row_is_one_line_and_every_cell_stays_in_its_column(cells):
    lines = as_csv([cells]).decode()
    assert lines.endswith("\r\n") and len(lines[:-2].splitlines()) <= 1
    (row,) = csv.reader([lines])
    assert len(row) == len(cells)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_a_row_has_a_cell_for_every_column():
    assert len(row_of(record(1))) == len(COLUMNS)


async def test_a_conference_of_a_running_front_end(tmp_path):
    async with front_end_in(tmp_path, CsvFile(CsvFile.Options(path="out/calls.csv"))) as front_end:
        await say(front_end, ALICE, BOB, "one")
        (conversation,) = front_end.immcu.of(ALICE)
        await front_end.immcu.add(conversation, CAROL, by=BOB)
        await say(front_end, CAROL, conversation.address, "two")
        await front_end.immcu.end(conversation, "the test is over")
    (row,) = read(tmp_path / "out" / "calls.csv")
    assert row["shape"] == "conference" and row["messages"] == "2" and row["reason"] == "the test is over"
    assert row["participants"] == f"{ALICE}; {BOB}; {CAROL}"
