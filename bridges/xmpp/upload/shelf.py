"""The files on the disk: each with a note beside it, in a folder of the server's state.

All of it is blocking; who calls it does so in a thread.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from .slot import is_id

log = logging.getLogger(__name__)

NOTE = ".json"
PART = ".part"
"""What is not whole, and is removed at the next start."""
MAX_NOTE = 4096
"""Bytes of a note."""


class Kept(msgspec.Struct, frozen=True):
    """What is known of a file: the note beside it."""

    id: str
    name: str
    size: int
    type: str
    owner: str
    at: float
    """When it came, in seconds since 1970."""


class Shelf:
    """One folder, with a folder in it for the first two characters of an id: no folder gets too long to read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, id: str) -> Path:
        """Where the file of this id is."""
        return self._folder / id[:2] / id

    def begin(self, id: str) -> BinaryIO:
        """A file to write into.  Raises OSError, FileExistsError where somebody does already."""
        part = self.path(id).with_suffix(PART)
        part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)

    def finish(self, file: BinaryIO, kept: Kept) -> None:
        """It is whole: from now on it is a file.  Raises OSError."""
        os.fsync(file.fileno())
        file.close()
        path = self.path(kept.id)
        note = path.with_suffix(NOTE)
        note.write_bytes(msgspec.json.encode(kept))
        path.with_suffix(PART).rename(path)

    def give_up(self, file: BinaryIO, id: str) -> None:
        """It will never be whole."""
        file.close()
        self.path(id).with_suffix(PART).unlink(missing_ok=True)

    def remove(self, id: str) -> None:
        """Take it off the shelf."""
        path = self.path(id)
        for each in (path, path.with_suffix(NOTE)):
            with suppress(FileNotFoundError):
                each.unlink()

    def found(self) -> dict[str, Kept]:
        """All files; what is left of others is removed."""
        kept: dict[str, Kept] = {}
        for path in self._paths():
            if path.suffix == PART or (path.suffix == NOTE and not path.with_suffix("").exists()):
                path.unlink(missing_ok=True)
            elif is_id(path.name):
                note = _note(path)
                if note is not None:
                    kept[note.id] = note
        return kept

    def _paths(self) -> Iterator[Path]:
        for folder in sorted(self._folder.glob("??")):
            if folder.is_dir():
                yield from sorted(folder.iterdir())


def _note(path: Path) -> Kept | None:
    """The note beside a file; None where there is none that fits."""
    try:
        with path.with_suffix(NOTE).open("rb") as file:
            kept = msgspec.json.decode(file.read(MAX_NOTE), type=Kept)
        if kept.id == path.name and path.stat().st_size == kept.size:
            return kept
    except (OSError, msgspec.DecodeError):
        pass
    log.warning("the shared file %s has no note that fits it, and is not served", path)
    return None
