"""Which forkserver a transformer belongs to, and what each imports beforehand; found by reading sources, not importing.

Light: numpy, h5py, h5netcdf, always running. Heavy: also xarray, rasterio, pyproj, netCDF4, started on demand and ended
after ten idle minutes. A transformer is heavy when it, or a module of `transformers` that it imports, imports one of
these at its top level; an import inside a function counts for nothing.
"""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LIGHT_LIBRARIES = ("numpy", "h5py", "h5netcdf")
HEAVY_LIBRARIES = ("xarray", "rasterio", "pyproj", "netCDF4")
# sub-modules that a first use would import in every child anew
_WITH_PARTS = {"rasterio": ("rasterio", "rasterio.shutil", "rasterio.transform", "rasterio.warp", "rasterio.features")}
PACKAGE = "transformers"


def kind_of(module: str) -> str:
    """`light` or `heavy` for a module by its full name; what is not in `transformers` is light."""
    return "heavy" if _reaches_heavy(module, frozenset()) else "light"


def preload_of(kind: str, entry_module: str) -> tuple[str, ...]:
    """The modules that the forkserver of this kind imports: the libraries, the entry point, its transformers."""
    libraries = LIGHT_LIBRARIES if kind == "light" else (*LIGHT_LIBRARIES, *HEAVY_LIBRARIES)
    parts = [part for library in libraries for part in _WITH_PARTS.get(library, (library,))]
    own = [entry_module, *(name for name in transformer_modules() if kind_of(name) == kind)]
    return tuple(dict.fromkeys([*parts, *own]))


@cache
def transformer_modules() -> tuple[str, ...]:
    """Full names of the modules of `transformers` that define `transform`: the file is the registration."""
    folder = _folder()
    found = sorted(folder.glob("*.py")) if folder else []
    return tuple(f"{PACKAGE}.{path.stem}" for path in found if "transform" in _top_level_functions(path))


def _top_level_functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_bytes(), str(path))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _reaches_heavy(module: str, seen: frozenset[str]) -> bool:
    for name in _imports(module):
        if name.split(".")[0] in HEAVY_LIBRARIES:
            return True
        if name.startswith(f"{PACKAGE}.") and name not in seen and _reaches_heavy(name, seen | {module, name}):
            return True
    return False


@cache
def _imports(module: str) -> frozenset[str]:
    """Full names that the module imports when it is imported; empty for one that is not in `transformers`."""
    path = _source(module)
    return frozenset(_imported_names(ast.parse(path.read_bytes(), str(path)))) if path else frozenset()


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _source(module: str) -> Path | None:
    folder = _folder()
    if folder is None or not module.startswith(f"{PACKAGE}."):
        return None
    base = folder.joinpath(*module.split(".")[1:])
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


@cache
def _folder() -> Path | None:
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None
