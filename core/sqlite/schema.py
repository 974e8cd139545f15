"""The tables of the SQLite store, and how they came to be.

Times are microseconds since 1970 in UTC, identities are ``user@domain``.  A released migration never changes; a new
one follows it.
"""

from __future__ import annotations

import secrets

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("hereabouts")

JOURNAL = (
    """
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY,
        shape TEXT NOT NULL, -- the greatest it had: two-party or conference
        address TEXT,
        subject TEXT NOT NULL,
        moderators TEXT NOT NULL, -- a JSON array
        open_door INTEGER NOT NULL,
        keeps_seats INTEGER NOT NULL,
        continues TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER, -- NULL while it runs
        reason TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    "CREATE UNIQUE INDEX conversations_open ON conversations (address) WHERE ended_at IS NULL",
    "CREATE INDEX conversations_at ON conversations (address, started_at) WHERE address IS NOT NULL",
    """
    CREATE TABLE seats (
        id INTEGER PRIMARY KEY, -- in order of joining
        conversation TEXT NOT NULL,
        who TEXT NOT NULL,
        added_by TEXT, -- NULL: they came by themselves
        history TEXT NOT NULL,
        joined_at INTEGER NOT NULL,
        left_at INTEGER, -- NULL: still there, or there to the end
        reason TEXT NOT NULL DEFAULT '',
        first INTEGER NOT NULL, -- the number of the first message they may see
        last INTEGER, -- the newest number when they left or it ended, NULL while they are there
        position INTEGER NOT NULL, -- they were shown everything up to this number
        settled INTEGER NOT NULL DEFAULT 0 -- 1: nothing is left to be shown, ever
    ) STRICT
    """,
    "CREATE UNIQUE INDEX seats_taken ON seats (conversation, who) WHERE last IS NULL",
    "CREATE INDEX seats_of ON seats (conversation, who)",
    "CREATE INDEX seats_unsettled ON seats (who, conversation) WHERE settled = 0",
    """
    CREATE TABLE messages (
        place INTEGER PRIMARY KEY, -- in order of acceptance
        id TEXT NOT NULL,
        conversation TEXT NOT NULL,
        seq INTEGER NOT NULL,
        sender TEXT NOT NULL,
        text TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        endpoint TEXT NOT NULL,
        content_type TEXT NOT NULL,
        origin TEXT NOT NULL,
        target TEXT NOT NULL,
        client TEXT NOT NULL,
        protocol TEXT, -- of payload: the same thing in the words of the protocol it came by
        payload BLOB
    ) STRICT
    """,
    "CREATE UNIQUE INDEX messages_seq ON messages (conversation, seq)",
    "CREATE UNIQUE INDEX messages_origin ON messages (sender, origin) WHERE origin <> ''",
    """
    CREATE TABLE attendance (
        id INTEGER PRIMARY KEY,
        conversation TEXT NOT NULL,
        who TEXT NOT NULL,
        instance TEXT NOT NULL,
        client TEXT NOT NULL,
        first_at INTEGER NOT NULL,
        UNIQUE (conversation, who, instance)
    ) STRICT
    """,
    """
    CREATE TABLE records (
        number INTEGER PRIMARY KEY, -- from 1, without gaps
        conversation TEXT NOT NULL UNIQUE,
        record TEXT NOT NULL -- JSON
    ) STRICT
    """,
    "CREATE TABLE exporters (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT",
)

PROFILES = (
    """
    CREATE TABLE people (
        address TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        mail TEXT NOT NULL,
        phones TEXT NOT NULL, -- a JSON array
        title TEXT NOT NULL,
        time_zone TEXT NOT NULL,
        language TEXT NOT NULL,
        folded TEXT NOT NULL, -- what a search looks at: name, address, mail and phones without letter case
        changed_at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE TABLE credentials (who TEXT, kind TEXT, key TEXT NOT NULL, PRIMARY KEY (who, kind)) STRICT",
    """
    CREATE TABLE contacts (
        owner TEXT,
        address TEXT,
        name TEXT NOT NULL,
        groups TEXT NOT NULL, -- a JSON array
        subscription TEXT NOT NULL,
        asked INTEGER NOT NULL,
        asking INTEGER NOT NULL,
        approved INTEGER NOT NULL,
        listed INTEGER NOT NULL,
        PRIMARY KEY (owner, address)
    ) STRICT
    """,
    "CREATE INDEX contacts_about ON contacts (address)",
    "CREATE TABLE blocked (owner TEXT, who TEXT, PRIMARY KEY (owner, who)) STRICT",
    """
    CREATE TABLE documents (
        kind TEXT,
        key TEXT,
        body BLOB NOT NULL,
        changed_at INTEGER NOT NULL,
        PRIMARY KEY (kind, key)
    ) STRICT
    """,
)


@MIGRATIONS()
def m001_journal(db: Database) -> None:
    """Conversations, who sat in them, what was said, and the records."""
    for statement in JOURNAL:
        db.execute(statement)


@MIGRATIONS()
def m002_profiles(db: Database) -> None:
    """People, credentials, contact lists, and documents."""
    for statement in PROFILES:
        db.execute(statement)


@MIGRATIONS()
def m003_store(db: Database) -> None:
    """What the store knows of itself; its incarnation is made here, once."""
    db.execute("CREATE TABLE store (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    db.execute("INSERT INTO store VALUES ('incarnation', ?)", [secrets.token_hex(8)])


@MIGRATIONS()
def m004_calls(db: Database) -> None:
    """A conversation may have the shape of a call; what is known of it: JSON, NULL where a conversation is none."""
    db.execute("ALTER TABLE conversations ADD COLUMN call TEXT")


@MIGRATIONS()
def m005_locks(db: Database) -> None:
    """A conference may be locked: nobody comes in whom no moderator brings."""
    db.execute("ALTER TABLE conversations ADD COLUMN locked INTEGER NOT NULL DEFAULT 0")


@MIGRATIONS()
def m006_archive(db: Database) -> None:
    """Everybody reads what was said in conversations they sat in."""
    db.execute("CREATE INDEX seats_taken_by ON seats (who, conversation)")


@MIGRATIONS()
def m007_charters(db: Database) -> None:
    """Conferences have rules, people belong to them in different ways, and what was said may be taken back."""
    db.execute("ALTER TABLE conversations ADD COLUMN rules TEXT")  # JSON; NULL: who moderated owns it, no charter
    db.execute("ALTER TABLE conversations ADD COLUMN persistent INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX conversations_persistent ON conversations (address) WHERE persistent = 1")
    db.execute(
        """
        CREATE TABLE retractions (
            message TEXT PRIMARY KEY,
            conversation TEXT NOT NULL,
            by TEXT NOT NULL,
            at INTEGER NOT NULL,
            reason TEXT NOT NULL
        ) STRICT
        """
    )


def unknown_migrations(db: Database) -> list[str]:
    """Migrations in the file that this program does not know: a newer one has made them."""
    known = {migration.name for migration in MIGRATIONS.pending(Database(memory=True, execute_plugins=False))}
    return [migration.name for migration in MIGRATIONS.applied(db) if migration.name not in known]
