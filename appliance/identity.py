"""Who is asking, and what they may do: accounts, tokens, roles, grants on collections.

Modes (docs/explanation/access.md): no account at all is open mode, everybody is `anonymous` and steers all jobs; the
first account closes it. Passwords are scrypt hashes, tokens SHA-256 hashes; comparisons are constant-time. Reads and
writes state.db only; headers, cookies and status codes live in `api/guards.py`.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from appliance.database.connection import Database
from appliance.errors import ConflictError, NotFoundError, RequestValidationError

ROLES = ("admin", "log-viewer", "deployer")
ANONYMOUS = "anonymous"
GUEST = "guest"
USERNAME = re.compile(r"[A-Za-z0-9._]{1,30}")
CHECK_SECONDS = 300  # how long a successful password check is remembered
COOKIE_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True)
class Identity:
    """The asker. In open mode `anonymous` with the admin's rights over jobs (`is_open`), but not over accounts."""

    username: str
    roles: frozenset[str] = frozenset()
    is_open: bool = False
    is_guest: bool = False

    @property
    def is_admin(self) -> bool:
        """May see and steer everybody's jobs."""
        return self.is_open or "admin" in self.roles

    @property
    def sees_logs(self) -> bool:
        """May read the logs of other people's work items."""
        return self.is_admin or "log-viewer" in self.roles


OPEN = Identity(ANONYMOUS, is_open=True)
NOBODY = Identity(GUEST, is_guest=True)


class Accounts:
    """The accounts of one state.db. Remembers successful password checks, since Basic comes with every request."""

    def __init__(self, database: Database, cookie_key: bytes, clock: Callable[[], float] = time.time):
        self._database = database
        self._cookie_key = cookie_key
        self._clock = clock
        self._process_key = secrets.token_bytes(32)
        self._checked: dict[bytes, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def is_open(self) -> bool:
        """Whether there is no account yet."""
        return self._database.row("SELECT 1 FROM users LIMIT 1") is None

    def by_token(self, token: str) -> Identity | None:
        """The owner of a bearer token, or None."""
        row = self._database.row("SELECT username FROM tokens WHERE token_hash = ?", (_token_hash(token),))
        return self.identity(row["username"]) if row else None

    def by_password(self, username: str, password: str) -> Identity | None:
        """The user whose name and password these are, or None. An unknown name costs the same as a wrong password."""
        known = self.by_remembered_password(username, password)
        if known:
            return known
        stored = self._stored_hash(username)
        if not _password_matches(password, stored or _NO_SUCH_USER) or not stored:
            return None
        with self._lock:
            if len(self._checked) > 1000:
                self._checked.clear()
            self._checked[self._key(username, password)] = (stored, self._clock() + CHECK_SECONDS)
        return self.identity(username)

    def by_remembered_password(self, username: str, password: str) -> Identity | None:
        """As `by_password`, but only where it was asked lately: costs microseconds."""
        with self._lock:
            remembered = self._checked.get(self._key(username, password))
        if remembered is None or remembered[1] <= self._clock():
            return None
        stored = self._stored_hash(username)
        return self.identity(username) if stored and hmac.compare_digest(remembered[0], stored) else None

    def by_cookie(self, cookie: str) -> Identity | None:
        """The user that a cookie of ours names, or None when it is not ours or too old."""
        body, _, signature = cookie.rpartition(".")
        expected = self._signature(body).encode()
        if not body or not hmac.compare_digest(signature.encode("utf-8", "replace"), expected):
            return None
        username, made_at, expires = base64.urlsafe_b64decode(body.encode()).decode().split("\0")
        if float(expires) <= self._clock() or made_at != self._made_at(username):
            return None
        return self.identity(username)

    def make_cookie(self, username: str) -> str:
        """A signed cookie value, good for eight hours and this account: not for a later one of the same name."""
        text = f"{username}\0{self._made_at(username)}\0{self._clock() + COOKIE_SECONDS:.0f}"
        body = base64.urlsafe_b64encode(text.encode()).decode()
        return f"{body}.{self._signature(body)}"

    def identity(self, username: str) -> Identity | None:
        """The identity of an existing user."""
        row = self._database.row("SELECT roles FROM users WHERE username = ?", (username,))
        return Identity(username, frozenset(row["roles"].split())) if row else None

    def may_read(self, who: Identity, collection_id: str) -> bool:
        """Whether a grant lets `who` read data of the collection. Admins and open mode read all."""
        if who.is_admin:
            return True
        return self._granted(collection_id, _grantees(who))

    def may_see(self, who: Identity, collection_id: str, *, search_guests: bool) -> bool:
        """Whether `who` may see metadata: readers, and guests what registered users may read (`search_guests`)."""
        if self.may_read(who, collection_id):
            return True
        return who.is_guest and search_guests and self._granted(collection_id, ["registered"])

    def guests_may_read(self, collection_ids: list[str]) -> bool:
        """Whether a job over these collections is shareable."""
        return bool(collection_ids) and all(self._granted(c, [GUEST]) for c in collection_ids)

    def _granted(self, collection_id: str, grantees: list[str]) -> bool:
        marks = ",".join("?" * len(grantees))
        sql = f"SELECT 1 FROM grants WHERE collection IN ('*', ?) AND permission = 'read' AND grantee IN ({marks})"
        return self._database.row(sql, (collection_id, *grantees)) is not None

    def _stored_hash(self, username: str) -> str:
        row = self._database.row("SELECT password_hash FROM users WHERE username = ?", (username,))
        return (row["password_hash"] if row else None) or ""

    def _made_at(self, username: str) -> str:
        row = self._database.row("SELECT created_at FROM users WHERE username = ?", (username,))
        return str(row["created_at"]) if row else ""

    def _key(self, username: str, password: str) -> bytes:
        return hmac.digest(self._process_key, f"{username}\0{password}".encode(), "sha256")

    def _signature(self, body: str) -> str:
        return hmac.new(self._cookie_key, body.encode("utf-8", "replace"), "sha256").hexdigest()


def add_user(database: Database, username: str, password: str | None, roles: tuple[str, ...], now: datetime) -> bool:
    """Make an account; True when it is the first. Raises RequestValidationError or ConflictError."""
    if not USERNAME.fullmatch(username) or username in (ANONYMOUS, GUEST, "registered"):
        raise RequestValidationError(f"user name {username!r}; allowed: 1 to 30 letters, digits, dots, underscores")
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise RequestValidationError(f"role {unknown[0]!r}; allowed: {', '.join(ROLES)}")
    with database.immediate() as connection:
        first = connection.execute("SELECT 1 FROM users LIMIT 1").fetchone() is None
        if connection.execute("SELECT 1 FROM users WHERE username = ?", (username,)).fetchone():
            raise ConflictError(f"user {username!r} exists; `harmonium user remove {username}` removes it")
        # The first account must be able to do everything: nobody else could give it a role.
        granted = tuple(dict.fromkeys(("admin", *roles))) if first else roles
        connection.execute(
            "INSERT INTO users VALUES (?, ?, ?, ?)",
            (username, _password_hash(password) if password else None, " ".join(granted), _milliseconds(now)),
        )
    return first


def remove_user(database: Database, username: str) -> None:
    """Remove an account and its tokens; its jobs stay. The last account cannot go: that would open the door again."""
    with database.immediate() as connection:
        if not connection.execute("SELECT 1 FROM users WHERE username = ?", (username,)).fetchone():
            raise NotFoundError(f"user {username!r}; there are: {', '.join(usernames(database)) or 'none'}")
        if connection.execute("SELECT count(*) FROM users").fetchone()[0] == 1:
            raise ConflictError(f"{username!r} is the last account; without one everybody could do everything")
        connection.execute("DELETE FROM users WHERE username = ?", (username,))


def usernames(database: Database) -> list[str]:
    """All account names, in order."""
    return [row["username"] for row in database.rows("SELECT username FROM users ORDER BY username")]


def users(database: Database) -> list[tuple[str, str, int]]:
    """(name, roles, number of tokens) of all accounts, in order."""
    sql = """SELECT username, roles, (SELECT count(*) FROM tokens AS t WHERE t.username = u.username) AS tokens
             FROM users AS u ORDER BY username"""
    return [(row["username"], row["roles"], row["tokens"]) for row in database.rows(sql)]


def make_token(database: Database, username: str, now: datetime) -> str:
    """A new bearer token of an existing user. It is shown once; only its hash is kept."""
    token = secrets.token_urlsafe(32)
    with database.immediate() as connection:
        if not connection.execute("SELECT 1 FROM users WHERE username = ?", (username,)).fetchone():
            raise NotFoundError(f"user {username!r}; there are: {', '.join(usernames(database)) or 'none'}")
        connection.execute("INSERT INTO tokens VALUES (?, ?, ?)", (_token_hash(token), username, _milliseconds(now)))
    return token


def grant(database: Database, collection: str, grantee: str, permission: str = "read") -> None:
    """Let a user, role, `guest` or `registered` read or update a collection (`*`: all). Granting twice is once."""
    if permission not in ("read", "update"):
        raise RequestValidationError(f"permission {permission!r}; allowed: read, update")
    with database.immediate() as connection:
        connection.execute("INSERT OR IGNORE INTO grants VALUES (?, ?, ?)", (collection, grantee, permission))


def revoke(database: Database, collection: str, grantee: str, permission: str = "read") -> bool:
    """Take a grant back; False when there was none."""
    with database.immediate() as connection:
        sql = "DELETE FROM grants WHERE collection = ? AND grantee = ? AND permission = ?"
        return connection.execute(sql, (collection, grantee, permission)).rowcount > 0


def _grantees(who: Identity) -> list[str]:
    return [GUEST] if who.is_guest else [GUEST, "registered", who.username, *who.roles]


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def _password_hash(password: str) -> str:
    salt = os.urandom(16)
    return f"scrypt${salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT).hex()}"


_NO_SUCH_USER = f"scrypt${'00' * 16}${'00' * 64}"


def _password_matches(password: str, stored: str) -> bool:
    _, salt, expected = stored.split("$")
    actual = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_SCRYPT)
    return hmac.compare_digest(actual, bytes.fromhex(expected))
