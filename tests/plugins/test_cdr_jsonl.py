"""Records as JSON lines: what is written is the record, and nothing is written twice to who counts."""

import json
from pathlib import Path
from types import SimpleNamespace

import msgspec

from ...core.cdr import CallDetailRecord, CallFacts
from ...plugins.cdr_jsonl import JsonLines
from ..plugged import hooks_of
from ..records import Records, record
from ..stage import ALICE, BOB, front_end_in, say


async def test_a_line_is_the_record(tmp_path):
    records = [record(1), record(2, subject='lines\nand "quotes"', shape="conference")]
    plugin = JsonLines(JsonLines.Options())
    async with plugin.lifespan(SimpleNamespace(store=Records(*records), state=tmp_path)):
        pass
    lines = (tmp_path / "records.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=CallDetailRecord) for line in lines] == records
    assert json.loads(lines[0])["messages"] == {"alice@example.test": 2, "bob@example.test": 1}


async def test_a_call_is_told_from_a_talk_by_what_is_known_of_it(tmp_path):
    call = CallFacts(str(ALICE), str(BOB), outcome="missed", media=["audio"])
    records = [record(1), record(2, shape="call", call=call, messages={})]
    async with JsonLines(JsonLines.Options()).lifespan(SimpleNamespace(store=Records(*records), state=tmp_path)):
        pass
    talk, told = map(json.loads, (tmp_path / "records.jsonl").read_text().splitlines())
    assert talk["call"] is None
    assert (told["call"]["caller"], told["call"]["outcome"], told["call"]["answered_at"]) == (
        str(ALICE),
        "missed",
        None,
    )


async def test_the_path_may_be_anywhere_and_the_place_has_its_own_name(tmp_path):
    plugin = JsonLines(JsonLines.Options(path=str(tmp_path / "out.jsonl"), exporter="second"))
    store = Records(record(1))
    async with plugin.lifespan(SimpleNamespace(store=store, state=Path("/nowhere"))):
        pass
    assert store.acknowledged == {"second": 1} and (tmp_path / "out.jsonl").exists()


async def test_a_restart_writes_only_what_is_new(tmp_path):
    store = Records(record(1))
    for number in (2, 3):
        async with JsonLines(JsonLines.Options()).lifespan(SimpleNamespace(store=store, state=tmp_path)):
            pass
        store.closed.append(record(number))
    lines = (tmp_path / "records.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2]


def test_being_told_before_the_start_harms_nothing():
    hooks = hooks_of(JsonLines(JsonLines.Options()))
    assert hooks.implemented_by("record_closed") == ["JsonLines"]
    JsonLines(JsonLines.Options()).record_closed()


async def test_every_conversation_of_a_running_front_end_is_there(tmp_path):
    async with front_end_in(tmp_path, JsonLines(JsonLines.Options())) as front_end:
        await say(front_end, ALICE, BOB, "a secret")
        await say(front_end, BOB, ALICE, "another")
    text = (tmp_path / "records.jsonl").read_text()
    (line,) = text.splitlines()
    assert json.loads(line)["messages"] == {str(ALICE): 1, str(BOB): 1}
    assert json.loads(line)["reason"] == "server stopped" and "secret" not in text
