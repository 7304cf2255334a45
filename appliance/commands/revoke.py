"""`harmonium revoke COLLECTION WHO`: who may read a collection."""

import argparse

from appliance.assembly import prepare_home
from appliance.commands.choices import settings_from
from appliance.database.connection import Database
from appliance.identity import revoke


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Collection, grantee, right."""
    parser.add_argument("collection", help="concept id, or * for all")
    parser.add_argument("grantee", help="a user, a role, guest or registered")
    parser.add_argument("permission", nargs="?", default="read", choices=("read", "update"))


def run(arguments: argparse.Namespace) -> int:
    """Change one row and say so."""
    settings = settings_from(arguments)
    prepare_home(settings)
    what = (arguments.collection, arguments.grantee, arguments.permission)
    had = revoke(Database(settings.state_path), *what)
    print(
        f"{arguments.grantee} may no longer {arguments.permission} {arguments.collection}" if had else "no such grant"
    )
    return 0
