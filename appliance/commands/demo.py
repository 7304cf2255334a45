"""`harmonium demo`: samples, harvest, a server, four requests through the public API, and a look at what came out.

Everything lives in one folder: the appliance's home, the samples beside it (a home may hold no data of the archive) and
the results. A second run reuses what is there. The requests are made as any client makes
them, over HTTP; nothing here reaches into the running appliance.
"""

import argparse
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.assembly import DATA, prepare_home, utc_now
from appliance.commands.choices import settings_from
from appliance.commands.demo_requests import DemoRequest, Outcome, demo_requests, run_requests
from appliance.commands.harvest import harvest_sources
from appliance.commands.user import make_account
from appliance.database.connection import Database
from appliance.errors import SettingsError
from appliance.identity import make_token, usernames
from appliance.settings import Settings

USER = "demo"
READY_WITHIN_S = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where, and whether to go on serving."""
    parser.add_argument("--keep", action="store_true", help="go on serving after the requests (Ctrl-C stops)")
    parser.add_argument("--folder", type=Path, help="where everything goes (default: data/run/demo in a checkout)")
    parser.add_argument("--port", type=int, help="default 3000, or the next free one")


def run(arguments: argparse.Namespace) -> int:
    """0 when every request gave what it should; 1 otherwise."""
    started = time.monotonic()
    folder = (arguments.folder or _demo_folder()).absolute()
    port = arguments.port or _free_port(3000)
    settings = settings_from(arguments, home=arguments.home or folder / "home", port=port)
    prepare_home(settings)
    samples = _samples(folder)
    token = _token(settings)
    report = harvest_sources(settings, [str(samples / "granules")])
    if report.exit_code:
        raise SettingsError(report.table())
    _say(f"Harvested {samples / 'granules'}: {report.sums()}")
    with _server(settings):
        root = f"http://localhost:{port}"
        _say(f"Serving on {root}" + ("" if arguments.port or port == 3000 else " (3000 is taken)"))
        requests = demo_requests(root, token, samples)
        outcomes = run_requests(root, token, requests, folder / "results")
        _summary(settings, folder, root, token, requests, outcomes, time.monotonic() - started)
        failed = [o for o in outcomes if o.problems]
        if arguments.keep and not failed:
            _say("Serving until Ctrl-C …")
            with suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)
    return 1 if failed else 0


def _demo_folder() -> Path:
    checkout = DATA.parent
    inside = (checkout / "Justfile").is_file()
    return checkout / "data" / "run" / "demo" if inside else Path.home() / ".local" / "share" / "harmonium-demo"


def _samples(folder: Path) -> Path:
    samples, done = folder / "samples", folder / "samples.done"
    if not done.exists():
        _say(f"Making sample granules in {samples} …")
        command = [sys.executable, "-m", "transformers.samples", "--outdir", str(samples)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        done.touch()
    return samples


def _token(settings: Settings) -> str:
    """The demo account's token; the account has a random password that nobody needs."""
    path = settings.home / "demo.token"
    database = Database(settings.state_path)
    if USER not in usernames(database):
        make_account(database, USER, secrets.token_urlsafe(24), ())
        path.unlink(missing_ok=True)
    if not path.exists():
        path.touch(0o600)
        path.write_text(make_token(database, USER, utc_now()))
    return path.read_text()


@contextmanager
def _server(settings: Settings) -> Iterator[None]:
    """The appliance as its own process, up; ended when the block ends."""
    log = (settings.home / "serve.log").open("ab")
    command = [sys.executable, "-m", "appliance", "--home", str(settings.home), "serve", "--port", str(settings.port)]
    server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_until_ready(server, settings)
        yield
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def _wait_until_ready(server: "subprocess.Popen[bytes]", settings: Settings) -> None:
    import httpx

    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{settings.port}/readiness").status_code == 200:
                return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    tail = (settings.home / "serve.log").read_text("utf-8", "replace").splitlines()[-5:]
    raise SettingsError("the appliance did not start; its last words:\n  " + "\n  ".join(tail))


def _free_port(first: int) -> int:
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise SettingsError(f"no free port from {first} to {first + 99}; choose one with --port")


def _summary(
    settings: Settings,
    folder: Path,
    root: str,
    token: str,
    requests: list[DemoRequest],
    outcomes: list[Outcome],
    seconds: float,
) -> None:
    _say("")
    for request, outcome in zip(requests, outcomes, strict=True):
        mark = "FAILED" if outcome.problems else "ok"
        _say(f"{mark:>6}  {request.title}: {outcome.words}")
        for problem in outcome.problems:
            _say(f"        {problem}")
    example = requests[0]
    _say(f"\nFiles: {folder / 'results'}    ({seconds:.1f} s in all)")
    _say(f"\nToken of user {USER}:  {token}")
    _say(f"\nThe first request with curl:\n  {example.curl(token)}")
    _say(f"\nand with harmony-py:\n{example.python(token, settings.port)}")
    program = _shown(Path(sys.executable).with_name("harmonium"))
    serve = f"{program} --home {_shown(settings.home)} serve --port {settings.port}"
    _say(f"\nServe this archive again:  {serve}")
    _say(f"The monitor, in another terminal:  HARMONIUM_URL={root} HARMONIUM_TOKEN={token} {program} tui")


def _shown(path: Path) -> Path:
    """As short as it can be typed here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _say(words: str) -> None:
    print(words, flush=True)
