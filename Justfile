# Everything one does with this checkout. `just` lists it; README says what the two main commands cost.

export PATH := justfile_directory() / ".venv/bin:" + justfile_directory() / ".boot/bin:" + env("PATH")
export UV_PYTHON := justfile_directory() / ".boot/bin/python"

[private]
default:
    @just --list --unsorted

# Make a sample archive, serve it, ask for subsets through the public API, check what comes out
demo *ARGUMENTS: _environment
    @harmonium demo {{ARGUMENTS}}

# Lint, types, import contracts, and the whole test suite with coverage
test *ARGUMENTS: _environment _clients
    @python tests/run_suite.py {{ARGUMENTS}}

# Formatter, linter, types and import contracts alone
lint: _environment
    ruff format --check .
    ruff check .
    mypy
    lint-imports

# Start the appliance on http://localhost:3000
serve *ARGUMENTS: _environment
    @harmonium serve {{ARGUMENTS}}

# The monitor in this terminal
tui *ARGUMENTS: _environment
    @harmonium tui {{ARGUMENTS}}

# Write sample granules of our own into a folder
samples FOLDER="data/run/samples": _environment
    @python -m transformers.samples --outdir {{FOLDER}}

# Kill the appliance 20 times in the middle of a 200-granule job and check that nothing is lost or doubled
chaos *ARGUMENTS: _environment
    @python -m tests.chaos.run {{ARGUMENTS}}

# Benchmarks: items per second, submit latency, memory, start, catalog, harvest
bench *ARGUMENTS: _environment
    @python -m tests.bench.run {{ARGUMENTS}}

# Longer random tests of parsers and rules (hypothesis with many more examples)
fuzz: _environment
    @HYPOTHESIS_PROFILE=long pytest -q -p no:cacheprovider -m "not chaos" tests/request tests/workflow tests/embedded_s3 tests/services

# Install the outside programs that some tests look for (Debian; needs root)
tools:
    @python3 tests/outside_programs.py --install

# Write the reference pages from the code
docs: _environment
    @python docs/reference/generate.py

# Make the environment without doing anything else
setup: _environment _clients

[private]
_environment: _python
    @uv sync --quiet --frozen

[private]
_clients: _python
    @UV_PROJECT_ENVIRONMENT=.venv-clients uv sync --quiet --frozen --only-group clients

[private]
_python:
    @.boot/bin/python -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Harmonium needs Python 3.11 or newer; this is {v[0]}.{v[1]}. Make .boot with a newer python3.")'
