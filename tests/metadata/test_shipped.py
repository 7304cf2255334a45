"""What comes with Harmonium: chains' records and output grids, put in once; grids that contradict themselves."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.database.connection import Database
from appliance.metadata.associate import service_id
from appliance.metadata.rows import grids_by_name, services_by_ids
from appliance.metadata.shipped import DATA, GridsError, ensure_services, grids, load_shipped
from tests.metadata_builders import NOW, everything, open_catalog


@pytest.fixture()
def db(tmp_path: Path) -> Any:
    opened = open_catalog(tmp_path / "catalog.db")
    yield opened
    opened.close()


def test_shipped_records_are_put_in_once(db: Database) -> None:
    assert load_shipped(db, NOW) > 0
    before = everything(db)
    assert load_shipped(db, NOW) == 0
    assert everything(db) == before


def test_a_chain_of_another_catalogue_gets_a_stub_and_known_ones_stay(db: Database) -> None:
    load_shipped(db, NOW)
    known = service_id("podaac/concise")
    chains = [("S1-OTHER", "theirs", "What it does"), (known, "podaac/concise", "other words")]
    assert ensure_services(db, chains, NOW) == 1
    assert ensure_services(db, chains, NOW) == 0
    stub, own = services_by_ids(db, ["S1-OTHER", known])
    assert (stub.name, stub.umm["Description"], stub.umm["Type"]) == ("theirs", "What it does", "Harmony")
    assert own.umm["Description"] != "other words"


@pytest.mark.parametrize(
    ("name", "crs", "size", "cell"),
    [
        ("EASE2_M09km", "EPSG:6933", (3856, 1624), 9008.05521),
        ("EASE2_N25km", "EPSG:6931", (720, 720), 25000),
        ("EASE2_S36km", "EPSG:6932", (500, 500), 36000),
        ("PSN_6.25km", "EPSG:3413", (1216, 1792), 6250),
        ("PSS_12.5km", "EPSG:3976", (632, 664), 12500),
        ("GEO_0.05", "EPSG:4326", (7200, 3600), 0.05),
    ],
)
def test_grids_have_the_sizes_their_makers_publish(
    db: Database, name: str, crs: str, size: tuple[int, int], cell: float
) -> None:
    load_shipped(db, NOW)
    (grid,) = grids_by_name(db, name)
    assert (grid.crs, (grid.width, grid.height)) == (crs, size)
    assert grid.cell_size == pytest.approx((cell, cell), rel=1e-6)


def test_all_names_of_the_contract_are_there() -> None:
    ease = [f"EASE2_{zone}{cell}km" for zone in "MNS" for cell in ("36", "25", "09", "03")]
    polar = [f"{pole}_{cell}km" for pole in ("PSN", "PSS") for cell in ("25", "12.5", "6.25")]
    geographic = [f"GEO_{cell}" for cell in ("1", "0.5", "0.25", "0.1", "0.05", "0.01")]
    assert [one["Name"] for one in grids(DATA / "grids.yml")] == [*ease, *polar, *geographic]


def test_a_grid_whose_size_contradicts_its_span_is_refused_by_name(tmp_path: Path) -> None:
    entry = {
        "name": "ODD",
        "crs": "EPSG:4326",
        "x": [-180, 180],
        "y": [-90, 90],
        "resolution": [1, 1],
        "size": [360, 181],
    }
    (tmp_path / "grids.yml").write_text(yaml.safe_dump({"grids": [entry]}))
    with pytest.raises(GridsError, match="grid ODD: y from -90 to 90 by 1 is 180 cells; the size says 181"):
        list(grids(tmp_path / "grids.yml"))
