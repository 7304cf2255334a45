"""`harmonium-tui [URL] [--once jobs|JOB_ID] [--ascii]`: the monitor, or one screen as plain text."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from tui.client import Client, Trouble
from tui.plain import job_text, jobs_text

DEFAULT_URL = "http://localhost:3000"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 when the server could not be asked (--once)."""
    parser = argparse.ArgumentParser(prog="harmonium-tui", description="The Harmonium monitor")
    parser.add_argument("url", nargs="?", help=f"the appliance (default: HARMONIUM_URL, else {DEFAULT_URL})")
    parser.add_argument("--once", metavar="SCREEN", help="print a screen as plain text: jobs, or a job id")
    parser.add_argument("--ascii", action="store_true", help="signs for terminals without symbols")
    parser.add_argument("--limit", type=int, default=50, help="rows of --once jobs (default 50)")
    arguments = parser.parse_args(argv)
    url = arguments.url or os.environ.get("HARMONIUM_URL") or DEFAULT_URL
    client = Client(url, os.environ.get("HARMONIUM_TOKEN"))
    if arguments.once:
        return asyncio.run(_once(client, arguments))
    from tui.app import Monitor

    Monitor(client, ascii_only=arguments.ascii).run()
    return 0


async def _once(client: Client, arguments: argparse.Namespace) -> int:
    try:
        if arguments.once == "jobs":
            jobs, total = await client.jobs(page=1, limit=arguments.limit)
            print(jobs_text(jobs, total, datetime.now(UTC), ascii_only=arguments.ascii))
        else:
            job = await client.job_as_it_is(arguments.once)
            print(job_text(job, await client.steps(arguments.once), ascii_only=arguments.ascii))
    except Trouble as trouble:
        print(f"harmonium tui: {trouble}", file=sys.stderr)
        return 1
    finally:
        await client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
