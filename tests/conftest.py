"""What every test may ask for: where the shared granules are, and nothing that hides a real part of the program."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real granules and expected outputs; not ours to commit, so tests skip where it is absent."""
    folder = Path(os.environ.get("HARMONIUM_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"real granules are absent: no folder {folder}")
    return folder
