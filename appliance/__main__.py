"""`harmonium COMMAND`: reads the command line and calls one function of `appliance/commands`."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

COMMANDS = {
    "serve": "Start the appliance",
    "demo": "Make sample granules, serve them, ask for subsets, check what comes out",
    "harvest": "Catalogue files and metadata documents",
    "collections": "List what is catalogued, with a request to try for each",
    "user": "Add, list or remove accounts",
    "token": "Make a bearer token for an account",
    "grant": "Let somebody read a collection",
    "revoke": "Take a grant back",
    "check": "Say what is wrong with settings and machine, and how to mend it",
    "tui": "Open the monitor in this terminal",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Errors of the operator's making are one line on stderr, exit 2."""
    anywhere = argparse.ArgumentParser(add_help=False, allow_abbrev=False)  # before or behind the command: both natural
    anywhere.add_argument("--home", type=Path, help="folder of all state (default: HARMONIUM_HOME, else in your home)")
    anywhere.add_argument("--settings", type=Path, help="TOML file of settings (default: harmonium.toml in the home)")
    where, given = anywhere.parse_known_args(argv)
    parser = argparse.ArgumentParser(
        prog="harmonium", description="NASA's Harmony on one machine, offline", parents=[anywhere]
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, words in COMMANDS.items():
        subparser = commands.add_parser(name, help=words, description=words)
        if name in given:  # the others are not imported: serve need not know of harvest
            import_module(f"appliance.commands.{name}").add_arguments(subparser)
    arguments, rest = parser.parse_known_args(given)
    arguments.home, arguments.settings = where.home, where.settings
    if arguments.version:
        from appliance.assembly import version

        print(f"harmonium {version()}")
        return 0
    if arguments.command is None:
        parser.print_help()
        return 2
    if arguments.command == "tui":
        arguments.arguments = rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from appliance.errors import HarmoniumError, SettingsError

    try:
        return int(import_module(f"appliance.commands.{arguments.command}").run(arguments))
    except (SettingsError, HarmoniumError) as error:
        print(f"harmonium {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
