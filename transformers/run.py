"""Carries out one step: message and catalog in; output files with a catalog, or `error.json`, out.

This is the edge of a work item: the one place that turns any exception into an outcome. It runs in a child of the
appliance and from a shell (`__main__.py`), and reads no environment, network or database.
"""

import ast
import errno
import importlib
import json
import re
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from transformers.contract import Input, InstructionError, NoData, NoRetry, Output, instructions_from_message
from transformers.quirks import with_quirks
from transformers.stac import read_inputs, write_outputs

ERROR = "error.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no output. level: `error`, or `warning` for NoData; category: `nodata`, `noretry` or None."""

    error: str
    level: str = "error"
    category: str | None = None

    def as_document(self) -> dict[str, str]:
        """The content of `error.json`."""
        document = {"error": self.error, "level": self.level}
        return document | {"category": self.category} if self.category else document


def ignore(_: int) -> None:
    """Progress that nobody watches."""


def run_step(
    name: str, message_path: Path, catalog_path: Path, outdir: Path, progress: Callable[[int], None] = ignore
) -> None:
    """Run transformer `name` on the inputs of a STAC catalog. Never raises for what a message or a file can hold.

    Leaves in outdir either the outputs with `catalog.json` (or `catalog0.json`, ... with `batch-catalogs.json` and
    `batch-count.txt`), or `error.json` and nothing of its own besides. progress: called with percents, 0 to 100.
    """

    def load() -> tuple[Mapping[str, Any], Sequence[Input]]:
        return _message(message_path), read_inputs(catalog_path)

    carry_out(name, load, outdir, progress)


def carry_out(
    name: str,
    load: Callable[[], tuple[Mapping[str, Any], Sequence[Input]]],
    outdir: Path,
    progress: Callable[[int], None] = ignore,
) -> list[Output] | Failure:
    """As `run_step`, with the message and inputs that `load` gives; returns what it left in outdir."""
    outdir.mkdir(parents=True, exist_ok=True)
    before = set(outdir.iterdir())
    progress(0)
    inputs: Sequence[Input] = ()
    try:
        message, inputs = load()
        outputs = _transform(name, message, inputs, outdir)
        write_outputs(outputs, inputs, outdir)
    except Exception as error:  # the edge of a work item (style.md, section 7)
        if not isinstance(error, NoData):
            traceback.print_exc(file=sys.stderr)
        failure = explain(error, inputs)
        _clear(outdir, before)
        (outdir / ERROR).write_text(json.dumps(failure.as_document(), ensure_ascii=False), encoding="utf-8")
        return failure
    progress(100)
    return outputs


@cache
def transformer_names() -> tuple[str, ...]:
    """The modules of this package that define `transform`, sorted: a file's name is its registration."""
    found = []
    for path in Path(__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_bytes())
        if any(isinstance(node, ast.FunctionDef) and node.name == "transform" for node in tree.body):
            found.append(path.stem)
    return tuple(sorted(found))


def explain(error: Exception, inputs: Sequence[Input] = ()) -> Failure:
    """An exception as the user shall read it."""
    text = str(error).strip()
    if isinstance(error, NoData):
        return Failure(text or "No data in subsetted granule.", "warning", "nodata")
    if isinstance(error, NoRetry):
        return Failure(text or type(error).__name__, category="noretry")
    where = f"{inputs[0].file_name}: " if len(inputs) == 1 else ""
    if isinstance(error, MemoryError):
        return Failure(f"{where}not enough memory for this step ({text or 'allocation failed'})")
    code = error.errno if isinstance(error, OSError) else None
    # HDF5 hides the system's error number in its own sentence.
    inner = re.search(r"errno = (\d+)", text)
    if inner and isinstance(error, OSError | RuntimeError):
        code = int(inner.group(1))
    if code in (errno.ENOSPC, errno.EDQUOT):
        return Failure(f"{where}the disk is full: no space left for the output")
    if code == errno.EFBIG:
        return Failure(f"{where}the output grows larger than this step may write")
    if code == errno.ENOMEM:
        return Failure(f"{where}not enough memory for this step ({text})")
    return Failure(f"{where}{type(error).__name__}: {text}" if text else f"{where}{type(error).__name__}")


def _message(path: Path) -> Mapping[str, Any]:
    try:
        message = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InstructionError(f"message {path.name}: not JSON: {error}") from error
    if not isinstance(message, dict):
        raise InstructionError(f"message {path.name}: {type(message).__name__}; allowed: a JSON object")
    return message


def _transform(name: str, message: Mapping[str, Any], inputs: Sequence[Input], outdir: Path) -> list[Output]:
    if name not in transformer_names():
        raise InstructionError(f"no transformer {name!r}; allowed: {', '.join(transformer_names())}")
    try:
        instructions = instructions_from_message(message)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InstructionError(
            f"message: {type(error).__name__}: {error}; allowed: Harmony's operation 0.22.0"
        ) from error
    sources = tuple(replace(s, layout=with_quirks(s.short_name, s.layout)) for s in instructions.sources)
    if not inputs:
        return []
    module = importlib.import_module(f"transformers.{name}")
    return list(module.transform(inputs, replace(instructions, sources=sources), outdir))


def _clear(outdir: Path, before: set[Path]) -> None:
    """Remove what a failed transform left behind."""
    for path in set(outdir.iterdir()) - before:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
