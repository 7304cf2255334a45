"""Tables of accounts in state.db: users, tokens, grants. Append only; never edit an old step."""

from typing import Any

from appliance.database.migrations import Migration


def _accounts(db: Any) -> None:
    """Passwords are scrypt hashes, tokens SHA-256 of 32 random bytes: neither can be read back."""
    db.executescript(
        """
        CREATE TABLE users (
            username      TEXT PRIMARY KEY,
            password_hash TEXT,
            roles         TEXT NOT NULL DEFAULT '',
            created_at    INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE tokens (
            token_hash TEXT PRIMARY KEY,
            username   TEXT NOT NULL REFERENCES users (username) ON DELETE CASCADE,
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE grants (
            collection TEXT NOT NULL,
            grantee    TEXT NOT NULL,
            permission TEXT NOT NULL CHECK (permission IN ('read', 'update')),
            PRIMARY KEY (collection, grantee, permission)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO grants VALUES ('*', 'registered', 'read');
        """
    )


ACCOUNT_MIGRATIONS: list[tuple[str, Migration]] = [("0001_accounts", _accounts)]
