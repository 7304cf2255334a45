"""`harmonium check`: what is wrong with settings and machine, each with how to mend it; exit 1 when anything is."""

import argparse
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from appliance.assembly import LOOPBACK, PACKAGES, registry_of, transformer_names
from appliance.commands.choices import settings_from
from appliance.commands.listeners import listener
from appliance.database.connection import Database
from appliance.errors import SettingsError
from appliance.identity import usernames
from appliance.runner.remote_hosts import load_remote_hosts
from appliance.settings import Settings, setting_fields

LEAST_FREE_BYTES = 1_000_000_000
Finding = tuple[bool, str]  # whether it is well, and the sentence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Only what to print."""
    parser.add_argument("--list-settings", action="store_true", help="print every setting with its value and meaning")


def run(arguments: argparse.Namespace) -> int:
    """Print one line per finding."""
    settings = settings_from(arguments)
    if arguments.list_settings:
        _print_settings(settings)
        return 0
    findings = [finding for check in CHECKS for finding in check(settings)]
    for is_well, sentence in findings:
        print(f"{'ok' if is_well else 'WRONG':<6} {sentence}")
    return 0 if all(is_well for is_well, _ in findings) else 1


def _python(_: Settings) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    yield sys.version_info >= (3, 11), f"Python {found} (3.11 or newer is needed)"


def _own_transformers(_: Settings) -> Iterator[Finding]:
    """`transformers` is also the name of a well-known library, which would stand in the way."""
    import transformers

    place = Path(transformers.__file__ or "").resolve().parent
    own = place == PACKAGES / "transformers"
    mend = "" if own else "; install Harmonium into an environment of its own"
    yield own, f"transformers come from {place}{mend}"
    try:
        yield False, f"the library transformers {metadata.version('transformers')} is installed beside; remove it"
    except metadata.PackageNotFoundError:
        return


def _home(settings: Settings) -> Iterator[Finding]:
    place = settings.home if settings.home.exists() else settings.home.parent
    while not place.exists():
        place = place.parent
    writable = os.access(place, os.W_OK)
    mend = "" if writable else f"; choose another with --home, or: sudo chown {os.getuid()} {place}"
    yield writable, f"home {settings.home} can be written{mend}" if writable else f"home {settings.home}{mend}"
    free = shutil.disk_usage(place).free
    enough = free >= LEAST_FREE_BYTES
    yield enough, f"{free / 1e9:.1f} GB are free in {place}" + ("" if enough else "; at least 1 GB is needed")


def _port(settings: Settings) -> Iterator[Finding]:
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            yield _taken_port(settings, error)
        else:
            yield True, f"port {settings.port} on {settings.host} is free"


def _taken_port(settings: Settings, error: OSError) -> Finding:
    """A port that this very home is served on is as it should be."""
    who = listener(settings.port)
    if who and str(who[0]) == _serving_process(settings):
        return True, f"port {settings.port} on {settings.host}: this home is served there by process {who[0]}"
    words = f" (process {who[0]}: {who[1]})" if who else ""
    return False, f"port {settings.port} on {settings.host}: {error.strerror}{words}; another one: --port 3001"


def _serving_process(settings: Settings) -> str:
    try:
        return (settings.home / "lock").read_text("ascii").strip()
    except OSError:
        return ""


def _remote_hosts(settings: Settings) -> Iterator[Finding]:
    try:
        names = load_remote_hosts(settings.remote_hosts, settings.home / "remotes.toml").names
    except SettingsError as error:
        yield False, str(error)
    else:
        yield True, f"data links are fetched from: {', '.join(names) or 'nowhere (setting remote_hosts)'}"


def _accounts(settings: Settings) -> Iterator[Finding]:
    known = usernames(Database(settings.state_path)) if settings.state_path.exists() else []
    if known:
        yield True, f"{len(known)} account{'s' if len(known) > 1 else ''}: {', '.join(known[:5])}"
    elif settings.host in LOOPBACK:
        yield True, "no account: everybody on this machine is 'anonymous' (harmonium user add NAME)"
    else:
        yield False, f"host {settings.host} without an account is refused; harmonium user add NAME"


def _chains(settings: Settings) -> Iterator[Finding]:
    try:
        registry = registry_of(settings)
    except SettingsError as error:
        yield False, str(error)
        return
    available = [c.name for c in registry.chains if not c.unavailable]
    yield bool(available), f"{len(available)} of {len(registry.chains)} service chains available"
    yield True, f"transformers: {', '.join(transformer_names())}"


def _store(settings: Settings) -> Iterator[Finding]:
    public = urlsplit(settings.object_store_public_endpoint).hostname
    own = {urlsplit(settings.public_url).hostname, *settings.public_hosts, *LOOPBACK} - {None}
    if public and public in own:
        yield (
            False,
            f"object_store_public_endpoint {public} is a host name of the API: clients would send it their "
            "Authorization; give the store a name of its own, or leave the setting empty",
        )
    if settings.object_store_endpoint and not settings.object_store_secret_key:
        yield False, "object_store_endpoint is set without object_store_access_key and object_store_secret_key"
    else:
        yield True, f"object store: {settings.object_store_endpoint or 'embedded, in ' + str(settings.objects_folder)}"


def _user(_: Settings) -> Iterator[Finding]:
    words = "running as root: a fault in a data library could do anything; a user of its own is safer"
    yield True, words if os.geteuid() == 0 else "running as an ordinary user"


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _python, _own_transformers, _home, _port, _accounts, _chains, _remote_hosts, _store, _user
)  # fmt: skip


def _print_settings(settings: Settings) -> None:
    for name, setting in setting_fields().items():
        value = "***" if not setting.repr and getattr(settings, name) else getattr(settings, name)
        unit = f" {setting.metadata['unit']}" if setting.metadata["unit"] else ""
        print(f"{name} = {value!r}{unit}\n    {setting.metadata['help']}")
