"""`harmonium token NAME`: a new bearer token, shown once."""

import argparse

from appliance.assembly import prepare_home, utc_now
from appliance.commands.choices import settings_from
from appliance.database.connection import Database
from appliance.identity import make_token


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The account's name."""
    parser.add_argument("name")


def run(arguments: argparse.Namespace) -> int:
    """Print the token alone, so that a script can take it."""
    settings = settings_from(arguments)
    prepare_home(settings)
    print(make_token(Database(settings.state_path), arguments.name, utc_now()))
    return 0
