"""The options of shared files: the table ``[xmpp.web.upload]``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

MIB = 1024 * 1024
LARGEST_FILE = 1024 * MIB
"""What ``max_file_mb`` may be set to, in bytes."""


class UploadOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files that people share."""

    enabled: bool = True
    """Whether people may share files by HTTP, where browsers reach the server with TLS."""
    max_file_mb: Annotated[int, Meta(ge=1, le=LARGEST_FILE // MIB)] = 20
    """Megabytes of one file."""
    per_day_mb: Annotated[int, Meta(ge=1)] = 200
    """Megabytes one person may share within a day."""
    files_per_day: Annotated[int, Meta(ge=1, le=10_000)] = 300
    """Files one person may share within a day."""
    total_mb: Annotated[int, Meta(ge=1)] = 2048
    """Megabytes of all files together; when they are there, nobody may share more until some are too old."""
    keep_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    """Days until a file is removed."""

    def __post_init__(self) -> None:
        if not self.max_file_mb <= self.per_day_mb <= self.total_mb:
            raise ValueError("max_file_mb, per_day_mb and total_mb must not become smaller in this order")
