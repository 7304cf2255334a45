"""The edge of a work item: a step leaves outputs with a catalog, or an error and nothing else."""

import errno
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.transformers.steps import message, outcome, write_step
from tests.transformers.swath_files import write_swath
from transformers.contract import BoundingBox, InstructionError, NoData, NoRetry, Output
from transformers.run import explain, run_step, transformer_names
from transformers.stac import geometry_of, input_of, read_inputs, write_outputs


@pytest.fixture
def granule(tmp_path: Path) -> Path:
    r, c = np.mgrid[:6, :5]
    return write_swath(tmp_path / "granule 1.nc", r * 1.0, c * 1.0)


def test_the_item_of_an_output_is_the_inputs_with_a_new_id_and_what_changed(granule, tmp_path):
    run_step("subset_swath", *write_step(tmp_path, message(bbox=[1, 1, 3, 4]), [granule]), tmp_path / "out")
    result = outcome(tmp_path / "out")
    item = result.items[0]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", item["id"])
    assert item["bbox"] == [1.0, 1.0, 3.0, 4.0]
    assert item["geometry"] == geometry_of(BoundingBox(1, 1, 3, 4))
    properties = item["properties"]
    assert properties["start_datetime"] == "2020-01-01T00:00:00Z"
    assert properties["harmonium:granule"] == "G0-LOCAL"
    assert properties["harmonium:name"] == "granule 1_subsetted.nc"
    data = item["assets"]["data"]
    assert data["href"] == "./granule 1_subsetted.nc"
    assert data["roles"] == ["data"]
    assert data["type"] == "application/x-netcdf4"
    assert data["file:size"] == result.file.stat().st_size
    assert set(item["assets"]) == {"data"}


def test_inputs_are_found_through_children_pages_and_every_kind_of_link(granule, tmp_path):
    def catalog(name: str, *links: tuple[str, str]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"type": "Catalog", "links": [{"rel": r, "href": h} for r, h in links]}))
        return path

    def item(name: str, href: str) -> str:
        (tmp_path / name).write_text(
            json.dumps({"id": name, "properties": {}, "assets": {"x": {"href": href, "roles": ["data"]}}})
        )
        return str(tmp_path / name)

    (tmp_path / "inner").mkdir()
    relative = item("a.json", "granule 1.nc")
    by_url = item("b.json", "file://" + quote(str(granule)))
    item("inner/c.json", "../granule 1.nc")
    catalog("inner/catalog.json", ("item", "c.json"))
    catalog("page2.json", ("item", f"file://{by_url}"), ("next", "catalog.json"))  # a page that leads back
    first = catalog("catalog.json", ("item", relative), ("child", "inner/catalog.json"), ("next", "page2.json"))
    inputs = read_inputs(first)
    assert [i.item["id"] for i in inputs] == ["a.json", "inner/c.json", "b.json"]
    assert {i.path for i in inputs} == {granule}


def test_links_into_the_network_are_refused(tmp_path):
    paths = write_step(tmp_path, message(), [Path("x")])
    document = json.loads((tmp_path / "item0.json").read_text())
    document["assets"]["data"]["href"] = "https://example.org/granule.nc"
    (tmp_path / "item0.json").write_text(json.dumps(document))
    run_step("subset_swath", *paths, tmp_path / "out")
    error = outcome(tmp_path / "out").error
    assert error["category"] == "noretry"
    assert "'https://example.org/granule.nc'; allowed: paths and file: URLs" in error["error"]


def test_an_unknown_transformer_is_told_which_there_are(granule, tmp_path):
    run_step("subset_gird", *write_step(tmp_path, message(), [granule]), tmp_path / "out")
    error = outcome(tmp_path / "out").error
    assert error["category"] == "noretry"
    assert "'subset_gird'" in error["error"]
    assert "subset_swath" in error["error"]


@pytest.mark.parametrize("name", ["run", "contract", "stac", "os", "coordinates.axes", "../run"])
def test_only_modules_with_transform_are_transformers(name):
    assert name not in transformer_names()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"subset": {"bbox": [1]}}', '{"temporal": {"start": "yesterday"}}'])
def test_a_message_that_is_none_is_a_failure_not_worth_repeating(text, granule, tmp_path):
    message_path, catalog_path = write_step(tmp_path, message(), [granule])
    message_path.write_text(text)
    run_step("subset_swath", message_path, catalog_path, tmp_path / "out")
    error = outcome(tmp_path / "out").error
    assert error["category"] == "noretry"
    assert error["level"] == "error"


def test_a_broken_granule_is_named_with_the_librarys_reason_and_nothing_else_is_left(granule, tmp_path):
    whole = granule.read_bytes()
    granule.write_bytes(whole[: len(whole) // 2])
    run_step("subset_swath", *write_step(tmp_path, message(), [granule]), tmp_path / "out")
    error = outcome(tmp_path / "out").error
    assert error["category"] == "noretry"
    assert re.match(r"granule 1\.nc: .*truncated file", error["error"])
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["error.json"]


def test_a_catalog_without_items_gives_one_without_items(tmp_path):
    run_step("subset_swath", *write_step(tmp_path, message(), []), tmp_path / "out")
    result = outcome(tmp_path / "out")
    assert result.error is None
    assert result.items == []


def test_progress_ends_at_a_hundred(granule, tmp_path):
    seen: list[int] = []
    run_step("subset_swath", *write_step(tmp_path, message(), [granule]), tmp_path / "out", seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 100


@pytest.mark.parametrize(
    ("error", "text", "level", "category"),
    [
        (NoData("nothing here"), "nothing here", "warning", "nodata"),
        (InstructionError("bad"), "bad", "error", "noretry"),
        (NoRetry("broken"), "broken", "error", "noretry"),
        (MemoryError("Unable to allocate 9 GiB"), "not enough memory", "error", None),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full", "error", None),
        (OSError("Can't write (errno = 28, error message = '...')"), "the disk is full", "error", None),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero", "error", None),
        (KeyError("x"), "KeyError: 'x'", "error", None),
    ],
)  # fmt: skip
def test_exceptions_are_told_in_plain_words(error, text, level, category):
    failure = explain(error)
    assert text in failure.error
    assert (failure.level, failure.category) == (level, category)


def test_groups_of_outputs_become_batches(tmp_path):
    outputs = []
    for i, group in enumerate([7, 3, 7, None]):
        path = tmp_path / f"{i}.nc"
        path.write_bytes(b"x" * i)
        outputs.append(Output(path=path, media_type="application/x-netcdf4", group=group))
    write_outputs(outputs, [input_of(tmp_path / "in.nc")], tmp_path)
    assert json.loads((tmp_path / "batch-catalogs.json").read_text()) == [f"catalog{i}.json" for i in range(3)]
    assert (tmp_path / "batch-count.txt").read_text() == "3"
    assert [f.name for f in outcome(tmp_path).files] == ["0.nc", "2.nc", "1.nc", "3.nc"]


def test_further_files_of_an_output_are_metadata(tmp_path):
    for name in ("a.png", "a.pgw", "a.png.aux.xml"):
        (tmp_path / name).write_text("x")
    more = ((tmp_path / "a.pgw", "text/plain"), (tmp_path / "a.png.aux.xml", "application/xml"))
    write_outputs([Output(tmp_path / "a.png", "image/png", metadata=more)], [input_of(tmp_path / "i")], tmp_path)
    assets = outcome(tmp_path).items[0]["assets"]
    assert {k: (a["title"], a["roles"]) for k, a in assets.items()} == {
        "data": ("a.png", ["data"]), "metadata": ("a.pgw", ["metadata"]), "metadata1": ("a.png.aux.xml", ["metadata"])
    }  # fmt: skip


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from transformers.run import run_step
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
run_step("subset_swath", *map(Path, sys.argv[1:]))
"""


def test_a_disk_that_refuses_is_a_clear_failure_and_leaves_nothing(tmp_path):
    """HDF5 crashes when a write fails while it closes a file; see formats/spilling_file.py."""
    rng = np.random.default_rng(0)
    granule = write_swath(tmp_path / "a.nc", rng.uniform(-80, 80, (300, 200)), rng.uniform(-170, 170, (300, 200)))
    paths = [*write_step(tmp_path, message(), [granule]), tmp_path / "out"]
    command = [sys.executable, "-c", FULL_DISK, *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert outcome(tmp_path / "out").error["error"] == "a.nc: the output grows larger than this step may write"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["error.json"]


def test_a_box_across_the_antimeridian_is_two_polygons():
    assert geometry_of(BoundingBox(170, -5, -170, 5))["type"] == "MultiPolygon"


class TestCommandLine:
    """`python -m transformers`, as from a shell."""

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "transformers", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=60)

    def test_it_lists_runs_and_says_how_it_went(self, granule, tmp_path):
        assert "subset_swath" in self.run("--list").stdout.split()
        (tmp_path / "m.json").write_text(json.dumps(message(bbox=[1, 1, 3, 4])))
        done = self.run("subset_swath", "--message", tmp_path / "m.json", "--outdir", tmp_path / "o", granule)
        assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "o" / "granule 1_subsetted.nc"))
        (tmp_path / "m.json").write_text(json.dumps(message(bbox=[50, 1, 60, 4])))
        nothing = self.run("subset_swath", "--message", tmp_path / "m.json", "--outdir", tmp_path / "n", granule)
        assert (nothing.returncode, nothing.stderr.strip()) == (3, "subset_swath: No data in subsetted granule.")
        paths = write_step(tmp_path / "s", message(), [tmp_path / "absent.nc"])
        failed = self.run("subset_swath", "--catalog", paths[1], "--outdir", tmp_path / "f")
        assert failed.returncode == 1
        assert "subset_swath: absent.nc: cannot be opened: No such file" in failed.stderr

    def test_wrong_usage_is_two(self, tmp_path):
        assert self.run().returncode == 2
        assert self.run("subset_swath", "--outdir", tmp_path).returncode == 2
        assert self.run("no_such", "--outdir", tmp_path, "x.nc").returncode == 2
