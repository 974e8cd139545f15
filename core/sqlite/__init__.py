"""The store of a single machine: everything in one SQLite file."""

from .store import SqliteStore

__all__ = ["SqliteStore"]
