"""What the administrator may choose about routing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol


class RouterOptions(Protocol):
    """What the administrator may choose about routing."""

    @property
    def dnd_means(self) -> Literal["busy", "dnd"]: ...

    @property
    def relay_until_joined(self) -> bool: ...

    @property
    def presence_abroad(self) -> Literal["everything", "availability"]: ...

    @property
    def registration(self) -> bool: ...

    @property
    def admins(self) -> Sequence[str]: ...
