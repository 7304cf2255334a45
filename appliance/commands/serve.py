"""`harmonium serve`: the appliance in the foreground until SIGTERM or Ctrl-C; exit 0 after a clean stop."""

import argparse
import errno
import logging
import socket
import sys
import time

from appliance.assembly import running_appliance
from appliance.commands.choices import settings_from
from appliance.commands.listeners import listener
from appliance.errors import SettingsError
from appliance.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The settings that one changes most."""
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port of the API (default 3000)")
    parser.add_argument("--store", choices=("embedded", "minio", "external"), help="which object store")


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    started = time.monotonic()
    settings = settings_from(arguments, host=arguments.host, port=arguments.port, object_store_server=arguments.store)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    # These log every request of ours at info; what they would say stands in our own lines.
    for chatty in ("httpx", "httpcore", "huey", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with listening_socket(settings) as sock, running_appliance(settings) as (parts, app):
        from appliance.api.pages import next_steps
        from appliance.api.server import serve

        address = settings.public_url or f"http://{_shown(settings.host)}:{sock.getsockname()[1]}"
        print(f"Harmonium {parts.version} on {address} (ready in {time.monotonic() - started:.1f} s)", flush=True)
        for step in next_steps(parts):
            print(f"  {step}", flush=True)
        serve(app, sock)
    print("Harmonium stopped", flush=True)
    return 0


def listening_socket(settings: Settings) -> socket.socket:
    """The port, taken before anything else is started; SettingsError says who may have it."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With its protocol named, asyncio sends at once; else a short body waits 40 ms for the headers' receipt.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        who = listener(settings.port) if error.errno == errno.EADDRINUSE else None
        holder = f" by process {who[0]} ({who[1]})" if who else ""
        raise SettingsError(
            f"port {settings.port} on {settings.host}: {error.strerror}{holder}; allowed: a free port (--port), "
            "on an address of this machine (--host)"
        ) from None
    return sock


def _shown(host: str) -> str:
    """The name to type into a browser."""
    return "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::") else host
