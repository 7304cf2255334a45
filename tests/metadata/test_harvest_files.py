"""Harvesting real files: what becomes of them, of their second harvest, of moved, changed, lost and broken ones."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from appliance.database.connection import Database
from appliance.metadata.concept_ids import concept_id
from appliance.metadata.concepts import Collection, Granule, GranuleSearch
from appliance.metadata.harvest import HarvestOptions, harvest
from appliance.metadata.report import HarvestReport
from appliance.metadata.rows import all_collections, counts, grids_by_name, search_granules, variables_of
from tests.metadata.archive import described, refused, write_grid, write_swath
from tests.metadata_builders import NOW, everything, item, open_catalog, put, umm_collection, umm_granule, umm_variable


@pytest.fixture()
def db(tmp_path: Path) -> Any:
    opened = open_catalog(tmp_path / "catalog.db")
    yield opened
    opened.close()


@pytest.fixture()
def archive(tmp_path: Path) -> Path:
    """Three days of a grid and two swaths, one across the antimeridian."""
    folder = tmp_path / "archive"
    for day in (1, 2, 3):
        write_grid(folder / "grids" / f"daily_2020010{day}.nc", day=day)
    write_swath(folder / "swaths" / "swath_a.nc", longitude=10, minute=0)
    write_swath(folder / "swaths" / "swath_b.nc", longitude=178.5, minute=5)
    return folder


def run(db: Database, *sources: Path, describe: Any = described, at: datetime = NOW, **options: Any) -> HarvestReport:
    return harvest(db, [str(one) for one in sources], HarvestOptions(**options), describe, lambda: at)


def granules(db: Database, **search: Any) -> list[Granule]:
    return list(search_granules(db, GranuleSearch(**search), limit=100).granules)


def names(db: Database, **search: Any) -> list[str]:
    return [one.granule_ur for one in granules(db, **search)]


def collection(db: Database, short_name: str) -> Collection:
    return next(one for one in all_collections(db) if one.short_name == short_name)


def documents(db: Database) -> dict[str, Any]:
    """Every record, less the times at which granules came and changed."""
    found = {row["concept_id"]: json.loads(row["document"]) for row in db.rows("SELECT * FROM documents")}
    for document in found.values():
        document.pop("ProviderDates", None)
    return found


def test_a_folder_becomes_collections_granules_variables_grids_and_chains(db: Database, archive: Path) -> None:
    report = run(db, archive)
    assert report.exit_code == 0, report.table()
    assert {one.short_name: (one.kind, one.granule_count) for one in all_collections(db)} == {
        "DAILY": ("grid-geographic", 3),
        "SWATH": ("swath", 2),
    }
    daily = collection(db, "DAILY")
    assert daily.concept_id == concept_id("collection", "LOCAL", "DAILY.1")
    assert daily.bbox == (-180, -90, 180, 90)
    assert daily.native_format == "netcdf-4"
    assert [(one.name, one.role) for one in variables_of(db, daily.concept_id)] == [
        ("lat", "support"),
        ("lon", "support"),
        ("sst", "data"),
        ("time", "support"),
    ]
    (sst,) = variables_of(db, daily.concept_id, role="data")
    assert sst.concept_id == concept_id("variable", "LOCAL", "DAILY.1:sst")
    assert [(one["Name"], one["Size"], one["Type"]) for one in sst.umm["Dimensions"]] == [
        ("time", 1, "TIME_DIMENSION"),
        ("lat", 18, "LATITUDE_DIMENSION"),
        ("lon", 36, "LONGITUDE_DIMENSION"),
    ]
    assert (sst.umm["Alias"], sst.umm["Units"], sst.umm["DataType"]) == ("/sst", "K", "float32")
    assert sst.umm["Layout"]["y"] == {"dimension": "lat", "first": -85, "step": 10, "size": 18}
    assert [(grid.width, grid.height, grid.crs) for grid in grids_by_name(db, "DAILY.1")] == [(36, 18, "EPSG:4326")]
    assert {line.chains[0] for line in report.collections} == {"podaac/concise", "podaac/l2-subsetter"}
    assert len(collection(db, "SWATH").service_ids) == 8


def test_granules_are_found_where_and_when_they_are(db: Database, archive: Path) -> None:
    run(db, archive)
    swaths = (collection(db, "SWATH").concept_id,)
    assert names(db, collection_ids=swaths, bbox=(11, 2, 12, 3)) == ["swath_a"]
    assert names(db, collection_ids=swaths, bbox=(-179.5, 2, -179, 3)) == ["swath_b"]
    assert names(db, collection_ids=swaths, bbox=(179, 2, -179, 3)) == ["swath_b"]
    assert names(db, collection_ids=swaths, bbox=(50, 2, 60, 3)) == []
    day = datetime.fromisoformat("2020-01-02T12:00:00+00:00")
    assert names(db, start=day, end=day + timedelta(hours=1)) == ["daily_20200102"]
    (found,) = granules(db, names=("swath_b",))
    assert found.boxes and all(-180 <= box[0] <= box[2] <= 180 for box in found.boxes)
    assert found.bbox is not None and found.bbox[0] > found.bbox[2]


def test_the_record_of_a_file_says_what_the_contract_lists(db: Database, archive: Path) -> None:
    run(db, archive, checksum=True)
    (found,) = granules(db, names=("daily_20200101",))
    umm = found.umm
    assert list(umm) == [
        "GranuleUR",
        "CollectionReference",
        "ProviderDates",
        "SpatialExtent",
        "TemporalExtent",
        "DataGranule",
        "RelatedUrls",
        "MetadataSpecification",
    ]
    place = f"{found.concept_id}/daily_20200101.nc"
    assert [(link["URL"], link["Type"]) for link in umm["RelatedUrls"]] == [
        (f"/granules/{place}", "GET DATA"),
        (f"/opendap/{place}", "USE SERVICE API"),
    ]
    (file,) = umm["DataGranule"]["ArchiveAndDistributionInformation"]
    path = archive / "grids" / "daily_20200101.nc"
    assert (file["Name"], file["SizeInBytes"], file["Format"]) == (path.name, path.stat().st_size, "netCDF-4")
    assert len(file["Checksum"]["Value"]) == 64
    assert umm["ProviderDates"][0] == {"Type": "Insert", "Date": "2026-01-02T03:04:05.000Z"}
    assert (found.local_path, found.root) == (str(path), str(archive))
    assert found.data_urls == (f"/granules/{place}",)


def test_shares_of_the_variables_of_a_file_add_up_to_about_one(db: Database, tmp_path: Path) -> None:
    write_grid(tmp_path / "archive" / "big.nc", size=(360, 720), extra=("ice",))
    run(db, tmp_path / "archive")
    rates = {
        one.name: one.umm["SizeEstimation"]["AverageCompressionInformation"][0]["Rate"]
        for one in variables_of(db, collection(db, "DAILY").concept_id)
    }
    assert 0.95 < sum(rates.values()) <= 1
    assert rates["sst"] == pytest.approx(rates["ice"], rel=0.01)


def test_a_second_harvest_opens_no_file_and_writes_nothing(db: Database, archive: Path) -> None:
    run(db, archive)
    before = everything(db)
    report = run(db, archive, describe=refused, at=NOW + timedelta(days=1))
    assert (report.exit_code, report.unchanged_files, dict(report.changes)) == (0, 5, {})
    assert everything(db) == before


def test_describing_all_again_changes_no_record(db: Database, archive: Path) -> None:
    run(db, archive)
    before = everything(db)
    report = run(db, archive, again=True, at=NOW + timedelta(days=1))
    assert dict(report.changes) == {}
    assert everything(db) == before


@pytest.mark.parametrize("seed", range(6))
def test_any_order_in_one_or_many_calls_gives_the_same_ids_and_documents(
    seed: int, archive: Path, tmp_path: Path
) -> None:
    write_grid(archive / "grids" / "later.nc", day=4, extra=("ice",))  # not homogeneous with the other days
    write_grid(archive / "grids" / "shifted.nc", day=5, west=0.0)  # another layout
    at_once = open_catalog(tmp_path / "at_once.db")
    run(at_once, archive)
    files = sorted(archive.rglob("*.nc"))
    random.Random(seed).shuffle(files)
    one_by_one = open_catalog(tmp_path / "one_by_one.db")
    while files:
        count = random.Random(seed).randint(1, 3)
        run(one_by_one, *files[:count])
        files = files[count:]
    assert documents(at_once) == documents(one_by_one)
    same = [
        {row[0] for row in db.rows("SELECT collection_id || concept_id || role FROM associations")}
        for db in (at_once, one_by_one)
    ]
    assert same[0] == same[1]
    at_once.close()
    one_by_one.close()


def test_granules_that_differ_in_layout_keep_their_own(db: Database, archive: Path) -> None:
    run(db, archive)
    assert collection(db, "DAILY").layout["x"]["first"] == -175
    write_grid(archive / "grids" / "shifted.nc", day=5, west=0.0)
    run(db, archive)
    daily = collection(db, "DAILY")
    assert daily.layout == {}
    assert all("Layout" not in one.umm for one in variables_of(db, daily.concept_id))
    firsts = {one.granule_ur: one.layout["x"]["first"] for one in granules(db, collection_ids=(daily.concept_id,))}
    assert firsts["shifted"] == 5 and firsts["daily_20200101"] == -175


def test_a_changed_file_keeps_its_id_and_gets_a_revision(db: Database, archive: Path) -> None:
    run(db, archive)
    (before,) = granules(db, names=("swath_a",))
    write_swath(archive / "swaths" / "swath_a.nc", longitude=60)
    os.utime(archive / "swaths" / "swath_a.nc", (1_600_000_100, 1_600_000_100))
    report = run(db, archive, at=NOW + timedelta(days=1))
    (after,) = granules(db, names=("swath_a",))
    assert dict(report.changes) == {"granules updated": 1}
    assert (after.concept_id, after.revision) == (before.concept_id, 2)
    assert after.umm["ProviderDates"] == [
        {"Type": "Insert", "Date": "2026-01-02T03:04:05.000Z"},
        {"Type": "Update", "Date": "2026-01-03T03:04:05.000Z"},
    ]
    assert names(db, bbox=(61, 2, 62, 3), names=("swath*",)) == ["swath_a"]
    assert names(db, bbox=(11, 2, 12, 3), names=("swath*",)) == []


def test_moving_a_tree_keeps_ids_and_records(db: Database, archive: Path) -> None:
    run(db, archive)
    before = documents(db)
    shutil.move(archive / "swaths", archive / "elsewhere")
    report = run(db, archive, describe=refused)
    assert [line.what for line in report.lines] == ["moved", "moved"]
    assert documents(db) == before
    (found,) = granules(db, names=("swath_a",))
    assert found.local_path == str(archive / "elsewhere" / "swath_a.nc")


def test_a_lost_file_is_hidden_and_returns_unchanged(db: Database, archive: Path, tmp_path: Path) -> None:
    run(db, archive)
    before = everything(db)
    path = archive / "swaths" / "swath_a.nc"
    shutil.move(path, tmp_path / "away.nc")
    report = run(db, archive, describe=refused)
    assert [(line.what, line.path) for line in report.lines] == [("missing", "swaths/swath_a.nc")]
    assert names(db, names=("swath_a",)) == []
    assert counts(db)["granules"] == 4
    shutil.move(tmp_path / "away.nc", path)
    assert run(db, archive, describe=refused).exit_code == 0
    assert everything(db) == before


def test_pruning_deletes_what_is_gone_and_what_then_hangs_in_the_air(db: Database, archive: Path) -> None:
    run(db, archive)
    shutil.rmtree(archive / "swaths")
    report = run(db, archive, prune=True)
    assert "--yes" in report.notes[0]
    assert counts(db)["collections"] == 2
    run(db, archive, prune=True, yes=True)
    assert [one.short_name for one in all_collections(db)] == ["DAILY"]
    assert counts(db)["variables"] == 4
    left = db.rows("SELECT count(*) FROM granule_tree UNION ALL SELECT count(*) FROM granule_parts")
    assert [row[0] for row in left] == [3, 0]


def test_an_empty_root_is_an_unmounted_disk_and_changes_nothing(db: Database, archive: Path) -> None:
    run(db, archive)
    before = everything(db)
    shutil.rmtree(archive)
    assert run(db, archive, prune=True, yes=True).exit_code == 2
    archive.mkdir()
    report = run(db, archive, prune=True, yes=True)
    assert report.exit_code == 2 and "mounted" in report.refused
    assert everything(db) == before


def test_broken_files_are_told_by_name_and_reason_and_the_rest_goes_on(db: Database, archive: Path) -> None:
    whole = (archive / "swaths" / "swath_a.nc").read_bytes()
    (archive / "half.nc").write_bytes(whole[: len(whole) // 2])
    (archive / "empty.h5").write_bytes(b"")
    (archive / "page.nc").write_text("<html>404</html>")
    (archive / "README.md").write_text("not data")
    (archive / ".hidden.nc").write_bytes(b"")
    os.mkfifo(archive / "pipe.nc")
    (archive / "broken.nc").symlink_to(archive / "nothing")
    (archive / "outside.nc").symlink_to("/etc/hostname")
    report = run(db, archive, settle_s=0)
    told = {line.path.rsplit("/", 1)[-1]: line.text for line in report.failures}
    assert set(told) == {"half.nc", "empty.h5", "page.nc", "pipe.nc", "broken.nc", "outside.nc"}
    assert told["pipe.nc"] == "not a regular file"
    assert "outside of the allowed roots" in told["outside.nc"]
    assert "broken link" in told["broken.nc"]
    assert all(told[name].startswith("not catalogued: ") for name in ("half.nc", "empty.h5", "page.nc"))
    assert report.exit_code == 1
    assert counts(db)["granules"] == 5


def test_nothing_usable_exits_2(db: Database, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "empty.nc").write_bytes(b"")
    assert run(db, tmp_path / "archive", settle_s=0).exit_code == 2


def test_a_file_written_a_moment_ago_is_left_for_the_next_harvest(db: Database, archive: Path) -> None:
    path = archive / "swaths" / "swath_a.nc"
    moment = NOW.timestamp()
    os.utime(path, (moment - 5, moment - 5))
    report = run(db, archive)
    assert [(line.what, Path(line.path).name) for line in report.lines if line.what == "skipped"] == [
        ("skipped", "swath_a.nc")
    ]
    assert (report.exit_code, counts(db)["granules"]) == (0, 4)
    assert run(db, archive, at=NOW + timedelta(seconds=20)).changes["granules added"] == 1


def test_a_file_that_changes_while_it_is_read_is_left_too(db: Database, archive: Path) -> None:
    def growing(paths: list[str]) -> Iterator[dict[str, Any]]:
        for facts in described(paths):
            if facts["path"].endswith("swath_a.nc"):
                with Path(facts["path"]).open("ab") as file:
                    file.write(b"more")
            yield facts

    report = run(db, archive, describe=growing)
    assert "changed while it was read" in next(line.text for line in report.lines if line.what == "skipped")
    assert counts(db)["granules"] == 4


def test_a_link_to_a_file_of_the_root_is_that_file(db: Database, archive: Path) -> None:
    (archive / "swaths" / "alias.nc").symlink_to(archive / "swaths" / "swath_a.nc")
    (archive / "linked").symlink_to(archive / "grids")
    report = run(db, archive, follow=True)
    assert (report.exit_code, counts(db)["granules"]) == (0, 5)


def test_two_files_with_one_name_are_two_granules_and_two_copies_are_one(db: Database, archive: Path) -> None:
    write_swath(archive / "other" / "swath_a.nc", longitude=80)
    shutil.copy2(archive / "swaths" / "swath_b.nc", archive / "other" / "swath_b.nc")
    report = run(db, archive)
    found = sorted(names(db, names=("swath*",)))
    assert len(found) == 3 and found[0] == "swath_a" and found[2] == "swath_b"
    assert found[1].startswith("swath_a.") and len(found[1]) == len("swath_a.") + 8
    assert ["the same file as" in line.text for line in report.lines if line.what == "skipped"] == [True]
    before = everything(db)
    run(db, archive, describe=refused)
    assert everything(db) == before


def test_the_operators_words_beat_the_file(db: Database, archive: Path) -> None:
    run(db, archive / "swaths", short_name="MINE", version="2.1", provider="DAAC_A")
    (found,) = all_collections(db)
    assert (found.short_name, found.version, found.provider) == ("MINE", "2.1", "DAAC_A")
    assert found.concept_id == concept_id("collection", "DAAC_A", "MINE.2.1")
    run(db, archive / "swaths", short_name="YOURS")
    assert {one.short_name: one.granule_count for one in all_collections(db)} == {"YOURS": 2}


def test_a_record_beside_a_file_replaces_the_fields_it_has(db: Database, archive: Path) -> None:
    sidecar = umm_granule(
        "Said", short_name="SAID", version="7", start="2019-05-05T00:00:00Z", end="2019-05-06T00:00:00Z"
    )
    sidecar["RelatedUrls"] = [{"URL": "https://example.org/a.nc", "Type": "GET DATA"}]
    path = archive / "swaths" / "swath_a.nc.cmr.json"
    path.write_text(json.dumps(sidecar))
    assert run(db, archive, settle_s=0).exit_code == 0
    (found,) = granules(db, collection_ids=(collection(db, "SAID").concept_id,))
    assert found.granule_ur == "Said"
    assert found.start is not None and found.start.year == 2019
    assert found.boxes  # from the file
    assert [url.startswith("/granules/") for url in found.data_urls] == [True, False]
    assert run(db, archive, describe=refused, settle_s=0).unchanged_files == 5
    path.unlink()
    run(db, archive)
    assert {one.short_name: one.granule_count for one in all_collections(db)} == {"DAILY": 3, "SWATH": 2}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not JSON"),
        (json.dumps(umm_collection()), "allowed: one UMM-G record of swath_a.nc"),
        (
            json.dumps(umm_granule("x", DataGranule={"ArchiveAndDistributionInformation": [{"Name": "other.nc"}]})),
            "is the record of other.nc",
        ),
    ],
)
def test_a_record_beside_a_file_that_cannot_be_used_is_told_and_the_file_stands_for_itself(
    db: Database, archive: Path, content: str, reason: str
) -> None:
    (archive / "swaths" / "swath_a.umm_json").write_text(content)
    report = run(db, archive, settle_s=0)
    assert [(line.path, reason in line.text) for line in report.failures] == [("swaths/swath_a.umm_json", True)]
    assert (report.exit_code, counts(db)["granules"]) == (1, 5)


def test_pictures_beside_a_file_become_browse_links(db: Database, archive: Path) -> None:
    (archive / "swaths" / "swath_a.png").write_bytes(b"\x89PNG")
    run(db, archive)
    (found,) = granules(db, names=("swath_a",))
    browse = [link for link in found.umm["RelatedUrls"] if link["Type"] == "GET RELATED VISUALIZATION"]
    assert [link["URL"] for link in browse] == [f"/granules/{found.concept_id}/swath_a.png"]
    assert counts(db)["granules"] == 5


def test_a_file_of_a_copied_granule_lends_it_its_path(db: Database, archive: Path) -> None:
    umm = umm_granule("copied", short_name="SWATH", urls=["https://example.org/swath_a.nc"])
    umm["DataGranule"] = {"Identifiers": [{"IdentifierType": "ProducerGranuleId", "Identifier": "swath_a.nc"}]}
    associations = {"variables": ["V3-P"]}
    put(db, item(umm_collection("SWATH"), "C1-P", associations=associations), item(umm, "G2-P"))
    put(db, item(umm_variable("wind"), "V3-P"))
    stored = documents(db)
    run(db, archive)
    after = documents(db)
    assert {one: after[one] for one in stored} == stored
    found = {one.concept_id: one for one in granules(db, collection_ids=("C1-P",))}
    assert found["G2-P"].local_path == str(archive / "swaths" / "swath_a.nc")
    assert len(found) == 2  # swath_b joins the copied collection under an id of ours
    assert [one.concept_id for one in variables_of(db, "C1-P")] == ["V3-P"]
    assert collection(db, "SWATH").kind == "swath"
    (archive / "swaths" / "swath_a.nc").unlink()
    run(db, archive)
    assert "G2-P" in {one.concept_id for one in granules(db, collection_ids=("C1-P",))}


def test_an_association_made_by_hand_survives_the_next_harvest(db: Database, archive: Path) -> None:
    run(db, archive)
    swath = collection(db, "SWATH")
    db.connection.execute("INSERT INTO associations VALUES (?, 'S1-OTHER', 'service', '', 'hand')", (swath.concept_id,))
    run(db, archive, again=True)
    assert set(collection(db, "SWATH").service_ids) == {*swath.service_ids, "S1-OTHER"}


def test_a_full_disk_keeps_what_was_committed_and_exits_2(db: Database, archive: Path) -> None:
    run(db, archive / "swaths")
    before = everything(db)
    pages = db.row("PRAGMA page_count")
    assert pages is not None
    db.connection.execute(f"PRAGMA max_page_count = {pages[0] + 1}")
    report = run(db, archive)
    assert report.exit_code == 2 and "full" in report.refused
    db.connection.execute(f"PRAGMA max_page_count = {10**9}")
    assert everything(db) == before | {"roots": everything(db)["roots"]}
    assert run(db, archive).changes["granules added"] == 3


def test_when_describing_breaks_off_what_is_known_goes_in(db: Database, archive: Path) -> None:
    def breaking(paths: list[str]) -> Iterator[dict[str, Any]]:
        yield from described(paths[:2])
        raise RuntimeError("no child could be made")

    with pytest.raises(RuntimeError, match="no child"):
        run(db, archive, describe=breaking)
    assert counts(db)["granules"] == 2
    assert run(db, archive).changes["granules added"] == 3


def test_a_dry_run_describes_and_writes_nothing(db: Database, archive: Path) -> None:
    before = everything(db)
    report = run(db, archive, dry_run=True)
    assert report.changes["granules added"] == 5
    assert everything(db) == before


def test_real_swaths_are_found_by_a_box_around_any_of_their_points(db: Database, shared_data: Path) -> None:
    report = run(db, shared_data / "granules" / "l2", settle_s=0)
    assert report.exit_code == 0, report.table()
    kinds = {one.short_name: one.kind for one in all_collections(db)}
    assert kinds["TEMPO_NO2_L2"] == kinds["OMBRO"] == kinds["ASCATA-L2-25km"] == "swath"
    looked_at = 0
    for one in granules(db):
        layout = one.layout
        is_swath = kinds[one.umm["CollectionReference"]["ShortName"]] == "swath" and layout and one.boxes
        if not is_swath or not h5py.is_hdf5(one.local_path):
            continue
        for latitude, longitude in some_points(str(one.local_path), layout["latitude"], layout["longitude"]):
            box = (longitude - 0.01, latitude - 0.01, longitude + 0.01, latitude + 0.01)
            found = names(db, collection_ids=(one.collection_id,), bbox=box)
            assert one.granule_ur in found, (one.granule_ur, latitude, longitude)
            looked_at += 1
    assert looked_at > 200


def some_points(path: str, latitude: str, longitude: str) -> list[tuple[float, float]]:
    """Up to 20 valid positions, spread over the file, decoded here; away from edges that the box would cross."""
    with h5py.File(path) as file:
        pairs = []
        for name in (latitude, longitude):
            values = file[name][...].astype("f8")
            fill = file[name].attrs.get("_FillValue", np.nan)
            values[values == fill] = np.nan
            scale, offset = (
                file[name].attrs.get(key, standard) for key, standard in (("scale_factor", 1), ("add_offset", 0))
            )
            pairs.append((values * scale + offset).ravel())
    lat, lon = pairs
    lon = (lon + 180) % 360 - 180
    valid = np.flatnonzero((np.abs(lat) < 89.9) & (np.abs(lon) < 179.9))
    chosen = valid[np.linspace(0, valid.size - 1, min(20, valid.size)).astype(int)] if valid.size else []
    return [(float(lat[n]), float(lon[n])) for n in chosen]
