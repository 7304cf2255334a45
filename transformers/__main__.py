"""`python -m transformers`: any transformer from a shell, without the appliance.

    python -m transformers --list
    python -m transformers NAME --message message.json --outdir DIR INPUT...
    python -m transformers NAME --message message.json --outdir DIR --catalog catalog.json

Exit status: 0 done (paths of the outputs on stdout), 3 no data inside the request, 1 failed, 2 usage.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers.contract import Input, InstructionError
from transformers.run import Failure, carry_out, transformer_names
from transformers.stac import input_of, read_inputs

OK, FAILED, USAGE, NO_DATA = 0, 1, 2, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m transformers", description="Run one transformer on local files.")
    parser.add_argument("name", nargs="?", help="name of the transformer (see --list)")
    parser.add_argument("inputs", nargs="*", type=Path, metavar="INPUT", help="files to read")
    parser.add_argument(
        "--message", type=Path, help="Harmony's operation as JSON (schema 0.22.0); default: an empty one"
    )
    parser.add_argument("--catalog", type=Path, help="STAC catalog of the inputs, instead of INPUT")
    parser.add_argument("--outdir", type=Path, help="folder for outputs, catalogs and error.json")
    parser.add_argument("--list", action="store_true", help="print the names of all transformers")
    options = parser.parse_intermixed_args(argv)
    if options.list:
        print("\n".join(transformer_names()))
        return OK
    if not options.name or not options.outdir:
        parser.error("give NAME and --outdir (or --list)")
    if options.name not in transformer_names():
        parser.error(f"no transformer {options.name!r}; allowed: {', '.join(transformer_names())}")
    if bool(options.inputs) == bool(options.catalog):
        parser.error("give either INPUT files or --catalog")

    def load() -> tuple[Mapping[str, Any], Sequence[Input]]:
        inputs = read_inputs(options.catalog) if options.catalog else [input_of(p) for p in options.inputs]
        return _message(options.message), inputs

    outcome = carry_out(options.name, load, options.outdir)
    if isinstance(outcome, Failure):
        print(f"{options.name}: {outcome.error}", file=sys.stderr)
        return NO_DATA if outcome.category == "nodata" else FAILED
    for output in outcome:
        print(output.path)
    return OK


def _message(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InstructionError(f"message {path}: {error}; allowed: a JSON object") from error


if __name__ == "__main__":
    sys.exit(main())
