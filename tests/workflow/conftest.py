"""A fresh state database for each test: a real file, with the real migrations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.database.connection import Database
from tests.workflow.scenes import new_database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """An empty state.db."""
    database = new_database(tmp_path / "state.db")
    yield database
    database.close()
