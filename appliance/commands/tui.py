"""`harmonium tui`: hands over to the monitor, which is a program of its own that speaks only HTTP."""

import argparse
import sys

from appliance.commands.choices import exec_environment, settings_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own: everything behind `tui` is handed on to the monitor (`harmonium-tui --help`)."""
    parser.epilog = "All other arguments are the monitor's: harmonium-tui --help"


def run(arguments: argparse.Namespace) -> int:
    """Become the monitor; it is told where the appliance of these settings listens."""
    import os

    settings = settings_from(arguments)
    url = settings.public_url or f"http://localhost:{settings.port}"
    command = [sys.executable, "-m", "tui", *arguments.arguments]
    os.execve(sys.executable, command, exec_environment(HARMONIUM_URL=url))
    return 0
