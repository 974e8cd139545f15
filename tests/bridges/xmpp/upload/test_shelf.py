"""The shelf: whole files with their notes, and nothing else after a start."""

from __future__ import annotations

import stat

import pytest

from .....bridges.xmpp.upload.shelf import Kept, Shelf

ID, OTHER = "abcdefghijklmnopqrstuvwx", "abCDEFGHIJKLMNOPQRSTUVWX"


def put(shelf: Shelf, id: str = ID, content: bytes = b"hello") -> Kept:
    file = shelf.begin(id)
    file.write(content)
    kept = Kept(id, "hello.txt", len(content), "text/plain", "alice@example.test", 1.5)
    shelf.finish(file, kept)
    return kept


def test_a_file_is_found_again(tmp_path):
    kept = put(Shelf(tmp_path / "shelf"))
    again = Shelf(tmp_path / "shelf")
    assert again.found() == {ID: kept} and again.path(ID).read_bytes() == b"hello"
    assert stat.S_IMODE(again.path(ID).stat().st_mode) == 0o600


def test_an_empty_shelf(tmp_path):
    assert Shelf(tmp_path / "nowhere").found() == {}


def test_what_was_removed_is_gone(tmp_path):
    shelf = Shelf(tmp_path)
    put(shelf)
    put(shelf, OTHER)
    shelf.remove(ID)
    shelf.remove(ID)
    assert set(shelf.found()) == {OTHER} and len(list(tmp_path.rglob("*.json"))) == 1


def test_two_do_not_write_into_one_file(tmp_path):
    shelf = Shelf(tmp_path)
    file = shelf.begin(ID)
    with pytest.raises(FileExistsError):
        shelf.begin(ID)
    shelf.give_up(file, ID)
    put(shelf)


def test_a_crash_leaves_nothing_behind(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.begin(ID).close()
    kept = put(shelf, OTHER)
    (tmp_path / "ab" / f"{'x' * 24}.json").write_text("{}")
    assert shelf.found() == {OTHER: kept}
    assert sorted(path.name for path in (tmp_path / "ab").iterdir()) == [OTHER, f"{OTHER}.json"]


@pytest.mark.parametrize("note", [b"", b"nonsense", b'{"id":"' + OTHER.encode() + b'"}', None])
def test_a_file_without_a_note_that_fits_is_not_served(tmp_path, note, caplog):
    shelf = Shelf(tmp_path)
    put(shelf)
    path = shelf.path(ID).with_suffix(".json")
    if note is None:
        shelf.path(ID).write_bytes(b"another length")
    else:
        path.write_bytes(note)
    assert shelf.found() == {} and shelf.path(ID).exists() and "is not served" in caplog.text
