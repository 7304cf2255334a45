"""Settings from a parsed command line; shared by the commands that need them."""

import argparse
from typing import Any

from appliance.settings import Settings, load_settings, process_environment


def settings_from(arguments: argparse.Namespace, **overrides: Any) -> Settings:
    """Defaults, file, variables, then the command line."""
    return load_settings(process_environment(), {"home": arguments.home, **overrides}, arguments.settings)


def exec_environment(**defaults: str) -> dict[str, str]:
    """The environment for a program that this one becomes, with `defaults` where it says nothing."""
    return {**defaults, **process_environment()}
