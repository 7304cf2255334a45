"""`harmonium user add|list|remove`: accounts. The password is asked for, or read from a file or standard input."""

import argparse
import getpass
import sys
from pathlib import Path

from appliance.assembly import prepare_home, utc_now
from appliance.commands.choices import settings_from
from appliance.database.connection import Database
from appliance.errors import SettingsError
from appliance.identity import ANONYMOUS, ROLES, add_user, remove_user, users
from appliance.workflow.handover import hand_over_jobs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The three verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", help="make an account; the first one closes open mode and is an admin")
    add.add_argument("name")
    add.add_argument("--role", action="append", default=[], choices=ROLES, help="may be given several times")
    add.add_argument("--password-file", type=Path, help="file with the password; - is standard input")
    add.add_argument("--no-password", action="store_true", help="tokens only")
    verbs.add_parser("list", help="names, roles, numbers of tokens")
    remove = verbs.add_parser("remove", help="remove an account and its tokens; its jobs stay")
    remove.add_argument("name")


def run(arguments: argparse.Namespace) -> int:
    """Carry out one verb."""
    settings = settings_from(arguments)
    prepare_home(settings)
    database = Database(settings.state_path)
    if arguments.verb == "list":
        _print_users(database)
    elif arguments.verb == "remove":
        remove_user(database, arguments.name)
        print(f"user {arguments.name} is removed")
    else:
        _add(database, arguments)
    return 0


def make_account(database: Database, name: str, password: str | None, roles: tuple[str, ...]) -> bool:
    """Make an account; the first one takes over what `anonymous` did. True when it is the first."""
    with database.immediate():
        first = add_user(database, name, password, roles, utc_now())
        if first:
            hand_over_jobs(database, ANONYMOUS, name)
    return first


def _add(database: Database, arguments: argparse.Namespace) -> None:
    password = None if arguments.no_password else _password(arguments.password_file)
    first = make_account(database, arguments.name, password, tuple(arguments.role))
    print(f"user {arguments.name} is made" + (", an admin; requests need an account from now on" if first else ""))
    print(f"a token for scripts: harmonium token {arguments.name}")


def _password(path: Path | None) -> str:
    if path is None and sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise SettingsError("the two passwords differ; nothing was made")
    else:
        text = sys.stdin.read() if path is None or str(path) == "-" else _text_of(path)
        password = text.strip("\r\n")
    if len(password) < 8:
        raise SettingsError(f"password of {len(password)} characters; allowed: at least 8")
    return password


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"password file {path}: {error}; allowed: a text file that you can read") from None


def _print_users(database: Database) -> None:
    found = users(database)
    if not found:
        print("no account: everybody on this machine is 'anonymous' (harmonium user add NAME makes one)")
    for name, roles, tokens in found:
        print(f"{name:<24} {roles or '-':<28} {tokens} token{'' if tokens == 1 else 's'}")
