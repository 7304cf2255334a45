"""The rules of the house that a machine can see: empty __init__, no relative imports, names, the environment, sizes."""

import ast
import subprocess
import sys

from tests.house.source_tree import ROOT, modules

REFUSED_NAMES = {"util", "utils", "common", "helper", "helpers", "misc"}
READS_ENVIRONMENT = {"appliance.settings", "tui.__main__"}


def test_package_files_are_empty():
    assert [m.name for m in modules().values() if m.path.name == "__init__.py" and m.path.read_text().strip()] == []


def test_no_relative_imports():
    assert [(m.name, i) for m in modules().values() for i in m.imports if i.startswith(".")] == []


def test_no_file_is_named_for_nothing():
    assert [name for name in modules() if REFUSED_NAMES & set(name.split("."))] == []


def test_modules_say_what_they_are():
    silent = [m.name for m in modules().values() if m.path.name != "__init__.py" and not ast.get_docstring(m.tree)]
    assert silent == []


def test_files_stay_readable():
    """About 400 lines is where a second subject usually hides."""
    long = {m.name: n for m in modules().values() if (n := len(m.path.read_text().splitlines())) > 420}
    assert long == {}


def test_no_module_takes_the_name_of_a_standard_one():
    top = {name for name in modules() if name.count(".") == 0}
    assert top & sys.stdlib_module_names == set()


def test_the_environment_is_read_in_one_place():
    """`os.environ[...]`, `os.environ.get` and `os.getenv`; handing a cleaned environment on is something else."""
    wrong = []
    for module in modules().values():
        if module.name in READS_ENVIRONMENT:
            continue
        for node in ast.walk(module.tree):
            text = ast.unparse(node) if isinstance(node, ast.Subscript | ast.Call) else ""
            if text.startswith(("os.environ[", "os.environ.get(", "os.getenv(")):
                wrong.append(f"{module.name}:{node.lineno} {text[:60]}")
    assert wrong == []


def test_the_parent_stays_light():
    """What the appliance imports brings in no scientific library and no pandas (decisions 6.2, 6.3)."""
    heavy = ["pandas", "numpy", "xarray", "h5py", "rasterio", "shapely", "netCDF4", "pyproj", "textual"]
    program = (
        f"import sys, appliance.__main__, appliance.commands.serve; print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
