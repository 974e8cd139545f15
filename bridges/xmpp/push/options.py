"""The options of push notifications: the table ``[xmpp.push]``."""

from __future__ import annotations

import msgspec


class PushOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What services for phones are told when a message waits (XEP-0357)."""

    enabled: bool = True
    """Whether people's clients may have their phones woken, where other domains or gateways can be reached at all."""
    sender: bool = False
    """Whether the service is told who wrote; if not, it is told how many messages wait, and nothing else."""
    body: bool = False
    """Whether it is told what was written."""
