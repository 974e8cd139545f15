"""The log: one line a fact, for people or as JSON, in which nothing that came from outside can forge another line."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Literal, TextIO

MAX_LINE = 4096
"""Characters of one line's message; a longer one is cut."""
MAX_VALUE = 256
"""Characters of one value in a message; a longer one is cut."""
PER_SECOND = 10
"""Equal messages of one place in the code that are logged in one second; the others are counted."""
QUIET = {"aiohttp": logging.WARNING, "slixmpp": logging.WARNING, "asyncio": logging.WARNING}

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that move a terminal's cursor, end a line, or turn the direction of what follows."""


def escaped(text: str) -> str:
    """The text with every character visible: a line break becomes ``\\n``, an escape ``\\x1b``."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


def cut(text: str, limit: int = MAX_VALUE) -> str:
    """The text, or as much of it as the limit allows."""
    return text if len(text) <= limit else f"{text[:limit]}…"


class Lines(logging.Formatter):
    """Formats a fact as one line of text or JSON; a traceback follows it, indented or as a field."""

    def __init__(self, shape: Literal["text", "json"]) -> None:
        super().__init__()
        self._json = shape == "json"

    def format(self, record: logging.LogRecord) -> str:
        message = cut(escaped(_message_of(record)), MAX_LINE)
        trouble = "" if _theirs(record) or not record.exc_info else self.formatException(record.exc_info)
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        place = record.name.partition(".")[2] or record.name
        if self._json:
            fact = {"at": at, "level": record.levelname.lower(), "from": place, "message": message}
            if trouble:
                fact["traceback"] = trouble
            return json.dumps(fact, ensure_ascii=False)
        line = f"{at} {record.levelname.lower():7} {place}: {message}"
        return line + "".join(f"\n    {escaped(part)}" for part in trouble.splitlines())


class Repeats(logging.Filter):
    """Lets a message through PER_SECOND times a second, and says afterwards how often it was kept back."""

    def __init__(self) -> None:
        super().__init__()
        self._second = 0
        self._seen: dict[tuple[str, int, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        second = int(record.created)
        if second != self._second:
            kept_back = sum(max(0, count - PER_SECOND) for count in self._seen.values())
            self._second, self._seen = second, {}
            if kept_back:
                record.msg, record.args = f"{_message_of(record)} ({kept_back} lines like earlier ones left out)", ()
        if record.levelno >= logging.CRITICAL:
            return True
        key = (record.name, record.lineno, str(record.msg))
        self._seen[key] = self._seen.get(key, 0) + 1
        return self._seen[key] <= PER_SECOND


def begin_logging(shape: Literal["text", "json"], level: str, stream: TextIO | None = None) -> None:
    """Send the log of this process to standard error, or to another stream."""
    output = logging.StreamHandler(stream or sys.stderr)
    output.setFormatter(Lines(shape))
    output.addFilter(Repeats())
    logging.basicConfig(level=level.upper(), handlers=[output], force=True)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, logging.getLogger().level))


def _theirs(record: logging.LogRecord) -> bool:
    """Whether the trouble is a client's malformed HTTP, of which one line is enough."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is not None and kind.__module__ == "aiohttp.http_exceptions"


def _message_of(record: logging.LogRecord) -> str:
    """The message with each value cut to MAX_VALUE."""
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(cut(str(a)) if not isinstance(a, (int, float)) else a for a in arguments)
    try:
        return str(record.msg) % arguments if arguments else str(record.msg)
    except (TypeError, ValueError):
        return f"{record.msg} {record.args}"
