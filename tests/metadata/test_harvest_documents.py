"""Harvesting UMM-JSON from folders and files: order, sidecar folders, reports, exit codes."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.database.connection import Database
from appliance.metadata.harvest import HarvestOptions, Progress, harvest
from appliance.metadata.report import HarvestReport
from appliance.metadata.roots import stored_roots
from appliance.metadata.rows import all_collections, counts, variables_of
from tests.metadata_builders import (
    NOW,
    everything,
    item,
    open_catalog,
    umm_collection,
    umm_granule,
    umm_variable,
)


@pytest.fixture()
def db(tmp_path: Path) -> Any:
    opened = open_catalog(tmp_path / "home" / "catalog.db")
    yield opened
    opened.close()


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "records"
    made.mkdir()
    return made


def now() -> datetime:
    return NOW


def nothing_to_describe(paths: list[str]) -> Any:
    raise AssertionError(f"no data file is here, but {paths} were to be described")


def run(db: Database, *sources: Path | str, seen: list[Progress] | None = None, **options: Any) -> HarvestReport:
    progress = (lambda one: None) if seen is None else seen.append
    chosen = HarvestOptions(**{"settle_s": 0.0, **options})
    return harvest(db, [str(one) for one in sources], chosen, nothing_to_describe, now, progress)


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_granules_that_come_before_their_collection_wait_for_it(db: Database, folder: Path) -> None:
    write(folder / "a.json", {"items": [{"umm": umm_granule(f"g{n}")} for n in range(3)]})
    write(folder / "z.umm_json", umm_collection())
    seen: list[Progress] = []
    report = run(db, folder, seen=seen)
    assert (report.exit_code, report.failures) == (0, [])
    assert dict(report.changes) == {"collections added": 1, "granules added": 3}
    assert [(one.done, one.total) for one in seen] == [(1, 2), (2, 2)]
    assert counts(db)["granules"] == 3


def test_a_second_harvest_writes_nothing_and_opens_nothing(db: Database, folder: Path) -> None:
    write(folder / "collection.umm_json", umm_collection())
    unreadable = write(folder / "g.umm_json", umm_granule("g"))
    run(db, folder)
    before = everything(db)
    unreadable.chmod(0o000)
    report = run(db, folder)
    unreadable.chmod(0o644)
    assert (report.exit_code, report.unchanged_files, dict(report.changes)) == (0, 2, {})
    assert everything(db) == before


def test_broken_records_are_told_by_name_and_reason_and_the_rest_goes_on(db: Database, folder: Path) -> None:
    write(folder / "collection.umm_json", umm_collection())
    write(folder / "bad.umm_json", "{")
    write(folder / "half.json", {"items": [umm_granule("ok"), umm_granule("no", urls=["file:///etc/passwd"])]})
    write(folder / "lost.umm_json", umm_granule("lost", short_name="NONE"))
    write(folder / "other.json", {"type": "FeatureCollection"})
    report = run(db, folder)
    assert report.exit_code == 1
    assert sorted(line.path for line in report.failures) == ["bad.umm_json", "half.json", "lost.umm_json"]
    reasons = " ".join(line.text for line in report.failures)
    assert "not JSON" in reasons and "granule no: RelatedUrls: 'file:///etc/passwd'" in reasons and "'NONE'" in reasons
    assert counts(db)["granules"] == 1
    write(folder / "bad.umm_json", umm_granule("mended"))
    assert len(run(db, folder).failures) == 2
    assert counts(db)["granules"] == 2


def test_variables_of_a_folder_belong_to_its_collection(db: Database, folder: Path) -> None:
    write(folder / "sst" / "collection.umm_json", umm_collection())
    write(folder / "sst" / "variables" / "a.umm_json", umm_variable("a"))
    write(folder / "wind" / "collection.umm_json", umm_collection("WIND"))
    write(folder / "wind" / "variables" / "b.umm_json", umm_variable("b"))
    assert run(db, folder).exit_code == 0
    found = {one.short_name: [v.name for v in variables_of(db, one.concept_id)] for one in all_collections(db)}
    assert found == {"SST": ["a"], "WIND": ["b"]}


def test_a_dry_run_writes_nothing_and_says_what_it_would(db: Database, folder: Path) -> None:
    write(folder / "collection.umm_json", umm_collection())
    before = everything(db)
    report = run(db, folder, dry_run=True)
    assert dict(report.changes) == {"collections added": 1}
    assert report.table().startswith("SST v1") and "dry run, nothing written" in report.sums()
    assert everything(db) == before


def test_the_report_is_a_table_and_json(db: Database, folder: Path) -> None:
    write(folder / "collection.umm_json", umm_collection())
    write(folder / "bad\nname.umm_json", "{")
    report = run(db, folder)
    document = json.loads(json.dumps(report.document()))
    assert document["exit_code"] == 1
    assert document["files"][0]["path"] == "bad\nname.umm_json"
    assert document["collections"][0]["short_name"] == "SST"
    assert report.table().splitlines()[0].startswith("! bad\\nname.umm_json  not JSON")


@pytest.mark.parametrize(
    ("sources", "options", "reason"),
    [
        ([], {}, "no source"),
        (["/nonexistent/x"], {}, "no such folder or file"),
        (["/nonexistent/*.nc"], {}, "/nonexistent: no such folder"),
        (["/"], {}, "the root of the machine"),
        (["~"], {}, "home directory"),
        (["https://cmr.example.org"], {}, "not of this machine"),
        (["."], {"provider": "lower"}, "provider: 'lower'"),
        (["."], {"kind": "raster"}, "kind: 'raster'; allowed: swath"),
    ],
)
def test_wrong_arguments_change_nothing_and_exit_2(
    db: Database, sources: list[str], options: dict[str, Any], reason: str
) -> None:
    before = everything(db)
    report = run(db, *sources, **options)
    assert report.exit_code == 2
    assert reason in report.refused
    assert everything(db) == before


def test_harmoniums_own_home_is_never_a_source(db: Database, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "work").mkdir()
    for source in (home, home / "work", tmp_path):
        assert "Harmonium's home" in run(db, source, home=home).refused
    assert stored_roots(db) == []


def test_folders_named_on_the_command_line_become_allowed_roots(db: Database, folder: Path) -> None:
    file = write(folder / "deep" / "collection.umm_json", umm_collection())
    run(db, file)
    assert stored_roots(db) == [str(folder / "deep")]
    run(db, folder / "**" / "*.umm_json")
    assert stored_roots(db) == [str(folder), str(folder / "deep")]


def test_copied_items_go_in_with_their_ids(db: Database, folder: Path) -> None:
    write(folder / "c.json", {"hits": 1, "items": [item(umm_collection(), "C3-P")]})
    write(folder / "g.json", {"items": [item(umm_granule("g"), "G4-P")]})
    assert run(db, folder).exit_code == 0
    assert [one.concept_id for one in all_collections(db)] == ["C3-P"]
