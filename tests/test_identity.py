"""Who is asking: passwords, tokens, cookies, grants, over a real state.db."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.database.account_migrations import ACCOUNT_MIGRATIONS
from appliance.database.connection import Database
from appliance.database.migrations import apply_migrations
from appliance.errors import ConflictError, NotFoundError, RequestValidationError
from appliance.identity import NOBODY, Accounts, Identity, add_user, grant, make_token, remove_user, revoke, users

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "correct horse"


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def database(tmp_path: Path) -> Database:
    apply_migrations(tmp_path / "state.db", "accounts", ACCOUNT_MIGRATIONS)
    return Database(tmp_path / "state.db")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, b"key of cookies", clock)


def test_the_first_account_is_an_admin_and_closes_the_door(database: Database, accounts: Accounts):
    assert accounts.is_open()
    assert add_user(database, "ada", PASSWORD, (), NOW)
    assert not accounts.is_open()
    assert not add_user(database, "bob", PASSWORD, (), NOW)
    assert [(name, roles) for name, roles, _ in users(database)] == [("ada", "admin"), ("bob", "")]


def test_only_the_right_password_proves_its_user(database: Database, accounts: Accounts):
    add_user(database, "ada", PASSWORD, (), NOW)
    add_user(database, "robot", None, (), NOW)
    for _ in range(2):  # the second time from memory
        assert accounts.by_password("ada", PASSWORD) == Identity("ada", frozenset({"admin"}))
        for name, password in (("ada", "wrong"), ("bob", PASSWORD), ("robot", ""), ("", ""), ("ada\0", PASSWORD)):
            assert accounts.by_password(name, password) is None


def test_a_password_is_remembered_for_five_minutes_and_never_a_wrong_one(
    database: Database, accounts: Accounts, clock: Clock
):
    add_user(database, "ada", PASSWORD, (), NOW)
    assert accounts.by_remembered_password("ada", PASSWORD) is None
    accounts.by_password("ada", PASSWORD)
    accounts.by_password("ada", "wrong")
    assert accounts.by_remembered_password("ada", PASSWORD) is not None
    assert accounts.by_remembered_password("ada", "wrong") is None
    clock.seconds += 301
    assert accounts.by_remembered_password("ada", PASSWORD) is None


def test_a_removed_user_is_nobody_by_password_token_or_cookie(database: Database, accounts: Accounts):
    add_user(database, "ada", PASSWORD, (), NOW)
    add_user(database, "bob", PASSWORD, (), NOW)
    token, cookie = make_token(database, "bob", NOW), accounts.make_cookie("bob")
    assert accounts.by_password("bob", PASSWORD) and accounts.by_token(token) and accounts.by_cookie(cookie)
    remove_user(database, "bob")
    assert accounts.by_password("bob", PASSWORD) is None
    assert accounts.by_token(token) is None
    assert accounts.by_cookie(cookie) is None
    add_user(database, "bob", "another password", (), NOW + timedelta(days=1))
    assert accounts.by_password("bob", PASSWORD) is None
    assert accounts.by_token(token) is None
    assert accounts.by_cookie(cookie) is None, "the cookie belongs to the account, not to its name"


def test_a_cookie_lives_eight_hours(database: Database, accounts: Accounts, clock: Clock):
    add_user(database, "ada", PASSWORD, (), NOW)
    cookie = accounts.make_cookie("ada")
    clock.seconds += 8 * 3600 - 1
    assert accounts.by_cookie(cookie) is not None
    clock.seconds += 1
    assert accounts.by_cookie(cookie) is None


def test_no_forged_cookie_is_believed(database: Database, accounts: Accounts):
    add_user(database, "ada", PASSWORD, (), NOW)
    real = accounts.make_cookie("ada")
    body, _, signature = real.rpartition(".")
    other = Accounts(database, b"another key").make_cookie("ada")
    forged = base64.urlsafe_b64encode(b"ada\x009999999999\x009999999999").decode()
    for cookie in (other, f"{forged}.{signature}", f"{body}.{signature[:-1]}", f"{body}.", f".{signature}", "é.é", "."):
        assert accounts.by_cookie(cookie) is None

    @given(st.text(max_size=40))
    def nor_any_text(text: str) -> None:
        assert accounts.by_cookie(text) is None
        assert accounts.by_cookie(f"{text}.{signature}") is None
        assert accounts.by_cookie(f"{body}.{text}") is None or text == signature

    nor_any_text()


def test_tokens_and_passwords_are_kept_as_hashes_only(database: Database, tmp_path: Path):
    add_user(database, "ada", PASSWORD, (), NOW)
    token = make_token(database, "ada", NOW)
    database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert token.encode() not in stored and PASSWORD.encode() not in stored


@pytest.mark.parametrize("name", ["", "anonymous", "guest", "registered", "a b", "a/b", "é", "a\n", "x" * 31])
def test_names_that_mean_something_else_are_refused(database: Database, name: str):
    with pytest.raises(RequestValidationError, match="allowed: 1 to 30 letters"):
        add_user(database, name, PASSWORD, (), NOW)


def test_the_last_account_stays_and_no_name_is_taken_twice(database: Database):
    add_user(database, "ada", PASSWORD, (), NOW)
    with pytest.raises(ConflictError, match="last account"):
        remove_user(database, "ada")
    with pytest.raises(ConflictError, match="exists"):
        add_user(database, "ada", PASSWORD, (), NOW)
    with pytest.raises(NotFoundError, match="there are: ada"):
        make_token(database, "bob", NOW)
    with pytest.raises(RequestValidationError, match="'king'; allowed: admin, log-viewer, deployer"):
        add_user(database, "bob", PASSWORD, ("king",), NOW)


def test_grants_decide_who_reads_and_guests_see_metadata_only(database: Database, accounts: Accounts):
    ada, bob = Identity("ada", frozenset({"admin"})), Identity("bob")
    assert accounts.may_read(bob, "C1-X"), "registered users read everything by default"
    assert not accounts.may_read(NOBODY, "C1-X")
    assert accounts.may_see(NOBODY, "C1-X", search_guests=True)
    assert not accounts.may_see(NOBODY, "C1-X", search_guests=False)
    assert revoke(database, "*", "registered")
    assert not revoke(database, "*", "registered")
    assert accounts.may_read(ada, "C1-X") and not accounts.may_read(bob, "C1-X")
    assert not accounts.may_see(NOBODY, "C1-X", search_guests=True)
    grant(database, "C1-X", "bob")
    grant(database, "C1-X", "bob")
    grant(database, "C2-X", "guest")
    assert accounts.may_read(bob, "C1-X") and accounts.may_read(bob, "C2-X") and not accounts.may_read(bob, "C3-X")
    assert accounts.may_read(NOBODY, "C2-X")
    assert accounts.guests_may_read(["C2-X"]) and not accounts.guests_may_read(["C1-X", "C2-X"])
    assert not accounts.guests_may_read([])
    grant(database, "C4-X", "bob", "update")
    assert not accounts.may_read(bob, "C4-X")
