"""Writes the reference pages from the code: settings, routes, statuses, transformers. A test compares them.

python docs/reference/generate.py [--check]
"""

import ast
import sys
from pathlib import Path

from appliance.api.app import ROUTES
from appliance.settings import Settings, setting_fields
from appliance.workflow.states import (
    DEFAULT_MESSAGES,
    ITEM_TRANSITIONS,
    JOB_TRANSITIONS,
    TERMINAL,
    ItemStatus,
    JobEvent,
    JobStatus,
)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MADE = "<!-- Made by generate.py from the code; edit the code. -->"


def pages() -> dict[str, str]:
    """File name -> text."""
    return {
        "settings.md": _settings(),
        "routes.md": _routes(),
        "statuses.md": _statuses(),
        "transformers.md": _transformers(),
    }


def _settings() -> str:
    lines = [
        "# Settings",
        MADE,
        "",
        "In `harmonium.toml` in the home folder (or the file named by `--settings` or `HARMONIUM_SETTINGS`), as a",
        "variable `HARMONIUM_` + the name in capitals, or on the command line; later ones win. A table",
        "`[object_store]` with `region` is the same as `object_store_region`. `harmonium check --list-settings`",
        "prints the values in force.",
        "",
        "| setting | default | unit | meaning |",
        "| --- | --- | --- | --- |",
    ]
    defaults = Settings(home=Path("~/.local/share/harmonium"))
    for name, setting in setting_fields().items():
        value = getattr(defaults, name)
        shown = "" if value in ("", None, ()) else f"`{value}`"
        lines.append(f"| `{name}` | {shown} | {setting.metadata['unit']} | {setting.metadata['help']} |")
    return "\n".join(lines) + "\n"


def _routes() -> str:
    lines = ["# Routes", MADE, "", "| method | path | what it answers |", "| --- | --- | --- |"]
    rows = []
    for handler in ROUTES:
        methods = " ".join(sorted(str(method) for method in handler.http_methods))
        summary = (handler.fn.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        summary = " ".join(summary.split())
        rows += [(path, methods, summary) for path in handler.paths]
    lines += [f"| {methods} | `{path}` | {summary} |" for path, methods, summary in sorted(rows)]
    return "\n".join(lines) + "\n"


def _statuses() -> str:
    lines = [
        "# Statuses",
        MADE,
        "",
        "## Jobs",
        "",
        "| status | ended | default message | events that are allowed |",
        "| --- | --- | --- | --- |",
    ]
    for status in JobStatus:
        allowed = [event for event in JobEvent if (status, event) in JOB_TRANSITIONS]
        moves = [f"{e.replace('_', ' ')} → {JOB_TRANSITIONS[status, e]}" for e in allowed]
        ended = "yes" if status in TERMINAL else "no"
        lines.append(f"| `{status}` | {ended} | {DEFAULT_MESSAGES[status]} | {'; '.join(moves) or 'none'} |")
    lines += ["", "## Work items", "", "| status | events that are allowed |", "| --- | --- |"]
    for item_status in ItemStatus:
        moves = [f"{e.replace('_', ' ')} → {to}" for (s, e), to in ITEM_TRANSITIONS.items() if s is item_status]
        lines.append(f"| `{item_status}` | {'; '.join(moves) or 'none'} |")
    return "\n".join(lines) + "\n"


def _transformers() -> str:
    lines = [
        "# Transformers",
        MADE,
        "",
        "Each can be run without the appliance:",
        "`python -m transformers NAME --message message.json --outdir DIR INPUT…`.",
        "",
        "| name | what it does |",
        "| --- | --- |",
    ]
    for path in sorted((ROOT / "transformers").glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "transform" for node in tree.body):
            first = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
            lines.append(f"| `{path.stem}` | {first} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the pages; with --check only say which differ (exit 1)."""
    stale = [name for name, text in pages().items() if not (HERE / name).exists() or (HERE / name).read_text() != text]
    if "--check" in sys.argv:
        print("\n".join(f"stale: docs/reference/{name}" for name in stale))
        return 1 if stale else 0
    for name, text in pages().items():
        (HERE / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
