"""Opening the file of a granule: only the file that was harvested, only under an allowed root."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from appliance.database.connection import Database
from appliance.errors import NotFoundError
from appliance.metadata.concepts import GranuleSearch
from appliance.metadata.harvest import HarvestOptions, harvest
from appliance.metadata.local_files import open_local
from appliance.metadata.roots import RootError, checked_root, root_of
from appliance.metadata.rows import search_granules
from tests.metadata.archive import described, write_swath
from tests.metadata_builders import NOW, open_catalog, put, umm_collection, umm_granule


@pytest.fixture()
def db(tmp_path: Path) -> Any:
    opened = open_catalog(tmp_path / "catalog.db")
    yield opened
    opened.close()


@pytest.fixture()
def path(db: Database, tmp_path: Path) -> Path:
    file = write_swath(tmp_path / "archive" / "deep" / "a.nc")
    (file.parent / "a.png").write_bytes(b"picture")
    harvest(db, [str(tmp_path / "archive")], HarvestOptions(), described, lambda: NOW)
    return file


def granule_id(db: Database) -> str:
    return search_granules(db, GranuleSearch(), limit=1).granules[0].concept_id


def opened(db: Database, **options: Any) -> bytes:
    file = open_local(db, granule_id(db), **options)
    assert file is not None
    with os.fdopen(file.descriptor, "rb") as stream:
        return stream.read()


def test_the_file_and_its_pictures_are_opened_by_name(db: Database, path: Path) -> None:
    assert opened(db) == opened(db, name="a.nc") == path.read_bytes()
    assert opened(db, name="a.png") == b"picture"
    assert open_local(db, granule_id(db), name="b.nc") is None
    assert open_local(db, granule_id(db), name="../a.nc") is None
    assert open_local(db, "G1-NOBODY") is None


def test_a_remote_granule_has_no_file_here(db: Database) -> None:
    put(db, umm_collection(), umm_granule("g", urls=["https://example.org/a.nc"]))
    assert open_local(db, granule_id(db)) is None


def test_a_link_put_in_the_files_place_is_not_followed(db: Database, path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(NotFoundError, match="cannot be opened"):
        opened(db)


def test_a_link_put_in_a_folders_place_leads_nowhere(db: Database, path: Path, tmp_path: Path) -> None:
    shutil.move(path.parent, tmp_path / "away")
    path.parent.symlink_to(tmp_path / "away")
    with pytest.raises(NotFoundError, match="outside of the folders"):
        opened(db)
    shutil.move(tmp_path / "away", tmp_path / "archive" / "away")
    path.parent.unlink()
    path.parent.symlink_to(tmp_path / "archive" / "away")
    with pytest.raises(NotFoundError, match="was replaced"):
        opened(db)


def test_another_file_in_its_place_is_refused_until_it_is_harvested(db: Database, path: Path, tmp_path: Path) -> None:
    write_swath(path.with_name("new.nc"), longitude=70)
    path.with_name("new.nc").replace(path)
    with pytest.raises(NotFoundError, match="harvest its folder again"):
        opened(db)
    harvest(db, [str(tmp_path / "archive")], HarvestOptions(), described, lambda: NOW)
    assert opened(db) == path.read_bytes()


def test_a_pipe_in_its_place_does_not_hold_us_up(db: Database, path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(NotFoundError, match="no longer a regular file"):
        opened(db)


def test_a_root_that_was_taken_back_closes_its_files(db: Database, path: Path, tmp_path: Path) -> None:
    db.connection.execute("DELETE FROM roots")
    with pytest.raises(NotFoundError, match="outside of the folders"):
        opened(db)
    assert opened(db, configured=[str(tmp_path)]) == path.read_bytes()


def test_no_descriptor_stays_open_when_a_file_is_refused(db: Database, path: Path) -> None:
    identifier = granule_id(db)
    db.connection.execute("DELETE FROM roots")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(NotFoundError):
            open_local(db, identifier)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_roots_are_folders_apart_from_homes_and_the_machine(tmp_path: Path) -> None:
    home = tmp_path / "data" / "harmonium"
    home.mkdir(parents=True)
    (tmp_path / "archive").mkdir()
    assert checked_root(tmp_path / "archive" / ".." / "archive", home) == str(tmp_path / "archive")
    for refused in ("/", str(Path.home()), str(home), str(tmp_path), str(home / "nothing")):
        with pytest.raises(RootError):
            checked_root(Path(refused), home)


def test_the_outermost_root_holds_a_path_and_names_are_not_prefixes() -> None:
    assert root_of("/a/b/c.nc", ["/a/b", "/a"]) == "/a"
    assert root_of("/ab/c.nc", ["/a"]) is None
