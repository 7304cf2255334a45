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
    parser = argparse.ArgumentParser(prog="harmonium", description="NASA's Harmony on one machine, offline")
    parser.add_argument("--home", type=Path, help="folder of all state (default: HARMONIUM_HOME, else in your home)")
    parser.add_argument("--settings", type=Path, help="TOML file of settings (default: harmonium.toml in the home)")
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    given = list(sys.argv[1:] if argv is None else argv)
    for name, words in COMMANDS.items():
        subparser = commands.add_parser(name, help=words, description=words)
        # Both places of the line are natural: harmonium --home DIR serve, harmonium serve --home DIR.
        subparser.add_argument("--home", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        subparser.add_argument("--settings", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        if name in given:  # the others are not imported: serve need not know of harvest
            import_module(f"appliance.commands.{name}").add_arguments(subparser)
    arguments = parser.parse_args(given)
    if arguments.version:
        from appliance.assembly import version

        print(f"harmonium {version()}")
        return 0
    if arguments.command is None:
        parser.print_help()
        return 2
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
