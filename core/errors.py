"""What can go wrong, said in the words of the domain.  Each protocol maps these to its own codes, in one table."""

from __future__ import annotations


class HereaboutsError(Exception):
    """The root: catch this to catch everything the server raises on purpose."""


class BadAddress(HereaboutsError):
    """A text that is no address of the form user@domain."""


class BadRequest(HereaboutsError):
    """A request that cannot be understood: an argument is missing, unknown, or of the wrong kind."""


class Refused(HereaboutsError):
    """A policy said no: a filter, an access rule, an administrator.  The text may be shown to the person refused."""


class NotAllowed(Refused):
    """The asker lacks the right to do this."""


class Protected(NotAllowed):
    """Not even somebody with the right to do this may do it to that person."""


class Banned(NotAllowed):
    """The person is not to come in here."""


class WrongPassword(NotAllowed):
    """What is behind a password was not given it."""


class NotFound(HereaboutsError):
    """Nobody by that identity, or no conversation by that id; also the answer where somebody hides."""


class Absent(HereaboutsError):
    """The person exists and is not signed in, and policy keeps no messages for the absent."""


class Gone(HereaboutsError):
    """It existed and has ended."""


class Conflict(HereaboutsError):
    """Somebody else has that name, or changed it in the meantime."""


class TooLarge(HereaboutsError):
    """More than a named limit allows."""


class Busy(HereaboutsError):
    """Not now: a queue is full, the storage is full, or the server is stopping.  Try again after ``retry_after``
    seconds."""

    def __init__(self, reason: str, retry_after: int = 5) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Answered(HereaboutsError):
    """A filter took the message as a command and answers its sender with this text; the message goes no further."""


class Undeliverable(HereaboutsError):
    """An endpoint did not take a message; it stays in the journal and the person gets it later."""


class SettingsError(HereaboutsError):
    """The configuration has mistakes; ``mistakes`` lists every one of them, each naming its line and the fix."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes
