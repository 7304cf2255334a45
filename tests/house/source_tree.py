"""What the rules of the house look at: the modules of a checkout and what each imports, read with the standard library.

Imports inside functions count like those at the top; those under `if TYPE_CHECKING:` do not, as they never run.
"""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("appliance", "transformers", "tui")


@dataclass(frozen=True)
class Module:
    """A module, its tree, and the dotted names it imports (`from a.b import c` is both a.b and a.b.c)."""

    name: str
    path: Path
    tree: ast.Module
    imports: frozenset[str]


@cache
def modules() -> dict[str, Module]:
    """All modules of the three packages by dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            tree = ast.parse(path.read_text("utf-8"), str(path))
            found[name] = Module(name, path, tree, frozenset(_imports(tree)))
    return found


def _imports(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            names += _imports(node)
    return names


def direct_imports(module: Module) -> set[str]:
    """Modules of ours that it imports, by their own names."""
    known = modules()
    return {name for name in module.imports if name in known and name != module.name}
