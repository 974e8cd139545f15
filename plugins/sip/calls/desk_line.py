"""One line of a PBX, as its dialog-info documents tell of it.  Pure."""

from __future__ import annotations

from collections.abc import Container

from ..events.dialog_info import MAX_DIALOGS_READ, Shown, Told


class DeskLine:
    """Which calls an extension has: documents put together as RFC 4235 section 4.3 says."""

    def __init__(self, extension: str) -> None:
        self.extension = extension
        self._version: int | None = None
        self._dialogs: dict[str, Shown] = {}

    def hears(self, told: Told) -> bool:
        """One document.  Whether that makes a whole; if not, something was missed, and all has to be asked for.

        COMPAT: the whole state counts whatever its version is.  The order of NOTIFYs is known from their CSeq, and
        PBXs begin at 0 again when they start anew, or never count.
        """
        if told.full:
            self._dialogs = {}
        elif self._version is None or told.version > self._version + 1:
            return False
        elif told.version <= self._version:
            return True
        self._version = told.version
        for dialog in told.dialogs:
            self._dialogs.pop(dialog.id, None)
            if dialog.state != "terminated":
                self._dialogs[dialog.id] = dialog
        return len(self._dialogs) <= MAX_DIALOGS_READ

    def begins_anew(self) -> None:
        """The subscription is another one: what comes next has to be whole.  What was known is known until then."""
        self._version = None

    def talks(self, but: Container[str] = ()) -> bool:
        """Whether somebody talks there, not counting the calls of these Call-IDs."""
        return any(d.state == "confirmed" and (not d.call_id or d.call_id not in but) for d in self._dialogs.values())
