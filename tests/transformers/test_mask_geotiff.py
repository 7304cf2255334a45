"""GeoTIFFs outside a shape: every band is filled, and the file stays what it is."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from tests.transformers.mask_steps import mask


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def write_tiff(path: Path, **more) -> Path:
    profile = {"driver": "GTiff", "width": 80, "height": 64, "count": 2, "dtype": "int16", "crs": "EPSG:4326",
               "transform": rasterio.Affine(0.5, 0, -10, 0, -0.5, 20), "compress": "lzw", "tiled": True,
               "blockxsize": 32, "blockysize": 16} | more  # fmt: skip
    path.unlink(missing_ok=True)
    values = np.arange(2 * 64 * 80, dtype="int16").reshape(2, 64, 80)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as file:
        file.write(values.astype(profile["dtype"])[: profile["count"]])
        file.descriptions = ("red", "green")[: profile["count"]]
        file.update_tags(made="for a test")
        file.update_tags(1, units="K")
        file.scales, file.offsets = (0.1,) * profile["count"], (2.0,) * profile["count"]
    return path


@pytest.mark.parametrize(("more", "fill"), [({}, 32767), ({"nodata": -5}, -5), ({"dtype": "float32"}, -9999)])
def test_all_bands_of_a_geotiff_are_masked_and_it_stays_what_it_is(more, fill, folder):
    granule = write_tiff(folder / "in.tif", **more)
    result = mask(folder, granule, shapely.box(0, 0, 3, 4))
    assert result.items[0]["assets"]["data"]["type"] == "image/tiff"
    with rasterio.open(granule) as before, rasterio.open(result.file) as after:
        expected = np.full(before.shape, False)
        expected[32:40, 20:26] = True
        np.testing.assert_array_equal(after.read(), np.where(expected, before.read(), fill))
        assert after.profile == before.profile
        assert (after.tags(), after.tags(1), after.descriptions) == (before.tags(), before.tags(1), before.descriptions)
        assert (after.scales, after.offsets) == (before.scales, before.offsets)
    assert {p.suffix for p in result.outdir.iterdir()} == {".tif", ".json"}


def test_the_mask_inside_a_geotiff_loses_what_is_outside(folder):
    granule = write_tiff(folder / "in.tif")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(granule, "r+") as file:
        valid = np.full(file.shape, 255, np.uint8)
        valid[:35] = 0
        file.write_mask(valid)
    with rasterio.open(mask(folder, granule, shapely.box(0, 0, 3, 4)).file) as file:
        expected = np.zeros(file.shape, np.uint8)
        expected[35:40, 20:26] = 255
        np.testing.assert_array_equal(file.dataset_mask(), expected)


@pytest.mark.parametrize("spoil", [lambda p: p.write_bytes(p.read_bytes()[:3000]), lambda p: write_tiff(p, crs=None)])
def test_a_geotiff_that_is_cut_short_or_nowhere_is_not_tried_again(spoil, folder):
    granule = write_tiff(folder / "in.tif")
    spoil(granule)
    error = mask(folder, granule, bbox=[0, 0, 1, 1]).error
    assert error["error"].startswith("in.tif: ")
    assert error["category"] == "noretry"
