"""Facts of the real granules against the acceptance table of the catalog contract (section 10).

Extents: within 1.5 degrees, and never smaller than the data. HDF4 is `unknown` without its extra.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.transformers.planes import distance_to_lines
from transformers.contract import NoRetry
from transformers.coordinates.axes import find_pairs
from transformers.coordinates.footprint import inside_ring
from transformers.coordinates.sphere import wrap180
from transformers.describe import describe
from transformers.facts.positions import read_positions
from transformers.formats.netcdf import open_granule

WORLD = (-180, -90, 180, 90)
S5P = "l2/S5P_OFFL_L2__CH4____20190311T101655_20190311T115825_07293_01_010202_20190317T121015.SUB.nc4"
CASES = {  # file: kind, pairs, box (W S E N), start (as far as known), variables, short name, its source, version
    "l2/2020_01_01_7f00ff_global.nc": ("grid-geographic", 1, WORLD, "2020-01-01T00:00", 8, "global", "name", "1"),
    "l2/2020_01_02_3200ff_global.nc": ("grid-geographic", 1, WORLD, "2020-01-01", 8, "global", "name", "1"),
    "l2/2020_01_03_0019ff_global.nc": ("grid-geographic", 1, WORLD, "2020-01-01", 8, "global", "name", "1"),
    "l2/2A-ENV.GPM.DPR.V9-20211125.20140308-S220950-E234217.000144.V07A.HDF5": (
        "swath", 2, WORLD, "2021-05-30T09:57", 36, "2ADPRENV", "attribute", "V07A"),
    "l2/GPM_test_file.HDF5": (
        "swath", 2, (-71.0, -66.4, -19.3, -52.3), "2021-02-20T09:35:41", 8, "2ADPR", "attribute", "V07A"),
    "extra/2A.METOPB.MHS.GPROFNNv1.20260228-S233156-E011316.069788.V08A.nc": (
        "swath", 1, WORLD, "2026-02-28T23:31:57", 50, "2AGPROFMETOPBMHS", "attribute", "V08A"),
    "l2/ATL03_gt1l_clean.h5": (
        "trajectory", 2, (95.1, 87.29, 179.0, 87.30), "2018-10-14T00:24:45", 80, "ATL03", "attribute", "006"),
    "l2/ATL03_indexbegin_start_end_FVs.h5": ("unknown", 0, None, None, 1, None, "name", "1"),
    "l2/MLS-Aura_L2GP-OH_v06-01-c01_2005d160.he5": (
        "profile", 2, WORLD, "2020-01-16T12:29:50", 28, "MLS-Aura_L2GP-OH", "name", "06-01"),
    "l2/OMI-Aura_L2-OMBRO_2020m0116t1207-o82471_v003-2020m0116t182003.he5": (
        "swath", 1, WORLD, "2020-01-16T12:07:16", 45, "OMBRO", "attribute", "3"),
    "extra/OMI-Aura_L2-OMPIXCOR_2004m1001t1452-o01141_v003-2018m0228t201200.he5": (
        "swath", 3, WORLD, "2020-01-16T12:29:50", 39, "OMPIXCOR", "attribute", "3"),
    S5P: ("swath", 1, (13.4, 11.9, 22.7, 30.5), "2019-03-11T10:38:29", 97, "S5P_OFFL_L2__CH4", "name", "1.1.0"),
    "l2/S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc": (
        "along-track", 1, (-38.5, 55.2, 23.3, 66.1), "2021-04-03T00:40:56", 111, "S6A_P4_2__HR_RED__NR", "name", "1"),
    "l2/S6A_P4_2__HR_RED__NR_014_192_20210403T005056_20210403T010056_F00.nc": (
        "along-track", 1, (23.4, 46.4, 69.3, 65.5), "2021-04-03T00:50:56", 111, "S6A_P4_2__HR_RED__NR", "name", "1"),
    "l2/SWOT_GPR_2PTP003_005_20111115_030538_20111115_035643.nc": (
        "along-track", 1, (-60.9, -77.7, 106.2, 77.7), "2011-11-15T03:05:38", 50, "SWOT_GPR_2PTP003", "name", "1"),
    "l2/SS_AMSR2-L2B_v08_r38622-v02.0-fv01.0.nc": (
        "swath", 1, (-77.6, -89.6, 12.2, 0.5), "2019-08-21T17:48:11", 16, "AMSR2-REMSS-L2P-v8a", "attribute", "v8a"),
    "l2/SS_MODIS_A-JPL-L2P-v2014.0.nc": (
        "swath", 1, (71.9, 40.0, 86.6, 50.7), "2019-08-05T06:55:01", 5, "MODIS_A-JPL-L2P-v2014.0", "attribute",
        "2014.0"),
    "l2/TEMPO_NO2_L2_V03_20240601T210934Z_S012G01_subsetted.nc4": (
        "swath", 1, (-71.9, 16.5, -19.1, 63.8), "2024-06-01T21:09:34", 6, "TEMPO_NO2_L2", "attribute", "3"),
    "l2/TEMPO_NO2_L2_V03_20240601T211614Z_S012G02_subsetted.nc4": (
        "swath", 1, (-78.0, 16.6, -45.8, 61.1), "2024-06-01T21:16:14", 6, "TEMPO_NO2_L2", "attribute", "3"),
    "l2/TEMPO_NO2_L2_V03_20240328T154353Z_S008G01.nc4": (
        "swath", 1, None, "2024-03-28T15:43:53", 38, "TEMPO_NO2_L2", "attribute", "3"),
    "l2/ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc": (
        "swath", 1, WORLD, "2015-07-02T08:42:00", 12, "ASCATA-L2-25km", "attribute", "1"),
    "l2/ascat_20150702_102400_metopa_45146_eps_o_250_2300_ovw.l2.nc": (
        "swath", 1, WORLD, "2015-07-02T10:24:00", 12, "ASCATA-L2-25km", "attribute", "1"),
    "l2/ascat_20211220_213600_metopb_48037_eps_o_250_3202_ovw.l2_subsetted.nc4": (
        "swath", 1, (-36.3, -88.4, 12.9, 2.3), "2021-12-20T21:36:00", 5, "ASCATB-L2-25km", "attribute", "1"),
    "l2/ascat_20211220_231800_metopb_48038_eps_o_250_3202_ovw.l2.nc4": (
        "empty", 1, None, "2021-12-20T23:18:00", 5, "ASCATB-L2-25km", "attribute", "1"),
    "l2/synthetic_dateline.nc": (
        "swath", 1, (157.0, -29.2, -163.0, 29.2), "2005-03-29T15:43:53", 9, "synthetic_dateline", "name", "1"),
    "l2/synthetic_swath360.nc": (
        "swath", 1, (-19.6, -64.3, 17.6, 64.3), "2015-05-09T06:13:20", 9, "synthetic_swath360", "name", "1"),
    "l2/synthetic_many_groups.nc": (
        "swath", 1, (-20.2, 0.6, 21.5, 29.4), "2019-03-18T10:00:00", 16, "synthetic_many_groups", "name", "1"),
    "l2/synthetic_tempo_dup.nc": (
        "swath", 1, (-82.2, 24.7, -69.5, 60.7), "2024-05-17T16:53:20", 14, "synthetic_tempo_dup", "name", "1"),
    "l2/synthetic_two_rate.nc": (
        "along-track", 2, (134, -65.2, -154, 65.2), "2024-01-31T07:06:40", 12, "synthetic_two_rate", "name", "1"),
    "l2/synthetic_profile.nc": (
        "profile", 1, (-180, -80, 180, 80), "2022-03-07T20:26:40", 7, "synthetic_profile", "name", "1"),
    "l2/synthetic_atl03.h5": (
        "trajectory", 4, (-162, 60, -150, 75), "2018-10-14", 64, "ATL03", "attribute", "1"),
    "l2/synthetic_gedi_l2a.h5": (
        "trajectory", 6, (-72, 10, -60, 20), "2019-08-02", 22, "GEDI_L2A", "attribute", "1"),
    "l3/ABoVE_TVPRM_bbox.nc4": (
        "grid-projected", 1, (-162.9, 65.3, -141.8, 72.9), "2008-01-01", 8, "ABoVE_TVPRM_bbox", "name", "1"),
    "l3/ABoVE_TVPRM_prefetch.nc4": ("unknown", 0, None, "2008-01-01", 3, None, "name", "1"),
    "l3/ATL16_variables.nc4": (
        "grid-geographic", 3, WORLD, "2020-03-22T00:18:31", 7, "ATL16", "attribute", "1.3dev"),
    "l3/CMIP5_rcp8.5_annual_abs_latlon1x1_PCP_pctl25_P1Y.nc": (
        "grid-geographic", 1, (-150, 40, -45, 90), "2006-07-01", 4, None, "name", "1"),
    "l3/coads_lat_descending.nc": ("grid-geographic", 1, WORLD, "2000-01-16", 4, None, "name", "1"),
    "l3/coads_sst.nc": ("grid-geographic", 1, WORLD, "2000-01-16", 7, None, "name", "1"),
    "extra/coads_sst_classic.nc": ("grid-geographic", 1, WORLD, "2000-01-16", 7, None, "name", "1"),
    "l3/GPM_3IMERGHH_bounds.nc4": (
        "grid-geographic", 1, (-30, 30, -15, 45), "2020-01-01T12:00:00", 7, "3IMERGHH", "attribute", "V06B"),
    "l3/GPM_3IMERGHH_prefetch.nc4": (
        "grid-geographic", 1, WORLD, "2020-01-01T12:00:00", 6, "3IMERGHH", "attribute", "V06B"),
    "l3/M2T1NXSLV_geo_temporal.nc4": (
        "grid-geographic", 1, (39.7, -30.3, 50.3, -19.8), "2021-01-10T00:00:00", 4, "M2T1NXSLV", "attribute", "5.12.4"),
    "l3/M2T1NXSLV_prefetch.nc4": (
        "grid-geographic", 1, WORLD, "2021-01-10T00:00:00", 3, "M2T1NXSLV", "attribute", "5.12.4"),
    "l3/f16_ssmis_20200102v7.nc": ("grid-geographic", 1, WORLD, "2020-01-02T00:00", 8, "f16_ssmis", "name", "1"),
    **{f"l3/syn_daily_2020010{n}.nc4": (
        "grid-geographic", 1, WORLD, f"2020-01-0{n}T00:00", 7, "SYN_DAILY", "attribute", "1") for n in range(1, 5)},
    "l3/SC_SPL3SMP_009_prefetch.nc4": ("grid-projected", 2, (-180, -85.04, 180, 85.04), None, 4, None, "name", "1"),
    "l3/smap_like_SPL3SMP.nc4": ("grid-projected", 1, (-180, -85.04, 180, 85.04), None, 4, None, "name", "1"),
    "l3/SC_SPL3FTP_spatially_subsetted.nc4": (
        "grid-projected", 1, (-95.2, 51.0, -75.8, 66.7), None, 4, None, "name", "1"),
    "l3/SC_SPL3SMP_subsetted_without_maskfill.nc4": (
        "grid-projected", 1, (-70.2, 59.9, -9.7, 85.0), None, 3, None, "name", "1"),
    "l3/syn_ease2_600.nc4": (
        "grid-projected", 0, (-180, -84.6, 180, 90), None, 5, "SYN_EASE2_N3KM", "attribute", "1"),
    "l3/africa.nc": ("swath", 1, (-30.6, -45.1, 67.3, 50.2), "2020-01-01", 7, "harmony_test_000_00_000_africa",
                     "attribute", "1"),
    "l3/MOD08_D3.A2023001.061.psrpcs_001701881265.Aerosol_Optical_Depth_Land_Ocean_Mean.hdf": (
        "unknown", 0, None, "2023-01-01", 0, "MOD08_D3", "name", "061"),
    "l3/MOD35_L2.A2023001.0020.061.psrpcs_001701881013.Cloud_Mask_1.hdf": (
        "unknown", 0, None, "2023-01-01", 0, "MOD35_L2", "name", "061"),
    "l3/bands_zip.zip": ("geotiff", 0, (23.4, 32.1, 23.7, 32.2), None, 3, "bands_zip", "name", "1"),
    "extra/two_bands.zip": ("geotiff", 0, (-74.0, 46.4, -73.2, 46.8), None, 2, "two_bands", "name", "1"),
    "l3/split-dateline-sample.tif": ("geotiff", 0, (179.3, -16.4, -179.7, -15.4), None, 1, None, "name", "1"),
    "l3/SMAP_L3_FT_P_polar_3d_input.tif": ("geotiff", 0, (-180, -64.6, 180, 90), None, 1, None, "name", "1"),
    "l3/B01.tif": ("geotiff", 0, (23.1, 31.5, 24.3, 32.5), None, 1, "l3", "folder", "1"),
    "l3/above_cog.tif": ("geotiff", 0, (-106.4, 71.7, -100.6, 73.5), None, 31, "above_cog", "name", "1"),
    "l3/south_up.tif": ("geotiff", 0, WORLD, None, 1, "south_up", "name", "1"),
    "l3/red.tif": ("geotiff", 0, (0, -32, 32, 0), None, 3, "red", "name", "1"),
    **{f"l3/{name}.tif": ("geotiff", 0, None, None, bands, name, "name", "1") for name, bands in (
        ("RGB.byte.small", 3), ("SMAP_L3_FT_P_fill_uint_input", 1), ("SMAP_L4_SM_aup_input", 1), ("TCI", 3),
        ("cog1", 3), ("cog_scale", 1), ("dem", 1), ("syn_ease2_crop", 1))},
}  # fmt: skip
TRACKS = ("along-track", "profile", "trajectory")
GRIDS_THE_BRIDGE_UNDERSTANDS = {
    "l2/2020_01_01_7f00ff_global.nc": True,
    "l3/GPM_3IMERGHH_prefetch.nc4": True,
    "l3/M2T1NXSLV_prefetch.nc4": True,
    "l3/syn_daily_20200101.nc4": True,
    "l3/coads_sst.nc": True,
    "l3/ATL16_variables.nc4": True,
    "l3/f16_ssmis_20200102v7.nc": False,
    "l3/GPM_3IMERGHH_bounds.nc4": False,
    "l3/M2T1NXSLV_geo_temporal.nc4": False,
    "l3/CMIP5_rcp8.5_annual_abs_latlon1x1_PCP_pctl25_P1Y.nc": False,
}


@cache
def facts(path: Path) -> dict:
    return describe(path)


@pytest.fixture(scope="module")
def granules(shared_data: Path) -> Path:
    return shared_data / "granules"


def test_the_table_names_every_data_file(granules: Path):
    found = {str(p.relative_to(granules)) for folder in ("l2", "l3", "extra") for p in (granules / folder).iterdir()}
    data = {p for p in found if p.lower().endswith((".nc", ".nc4", ".h5", ".hdf5", ".he5", ".hdf", ".tif", ".zip"))}
    twice = {f"l3/2020_01_0{n}" for n in (1, 2, 3)}
    assert {p for p in data if p[:13] not in twice} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_kind_extent_time_variables_and_identity_are_those_of_the_table(granules: Path, name: str):
    kind, pairs, box, start, variables, short_name, source, version = CASES[name]
    found = facts(granules / name)
    assert found.get("error") is None
    assert (found["kind"], len(found["pairs"]), len(found["variables"])) == (kind, pairs, variables)
    identity = found["identity"]
    assert identity["short_name"] == (short_name or Path(name).stem)
    assert (identity["source"], identity["version"]) == (source, version)
    assert (found["time"]["start"] or "").startswith(start or "")
    assert (found["time"]["start"] is None) == (start is None)
    if box is not None:
        assert found["extent"]["bbox"] == pytest.approx(box, abs=1.5)
    elif kind != "geotiff":
        assert found["extent"] == {"rectangles": [], "polygons": [], "lines": [], "bbox": None}
    assert bool(found["reason"]) == (kind in ("unknown", "empty"))


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case[0] in ("swath", "grid-geographic")])
def test_every_valid_position_lies_in_the_extent(granules: Path, name: str):
    extent = facts(granules / name)["extent"]
    with open_granule(granules / name) as granule:
        for pair in find_pairs(granule.variables):
            held = read_positions(granule, pair)
            if held.lat.ndim == 1 and held.lat.shape != held.lon.shape:
                lat, lon = (axis.reshape(-1) for axis in np.meshgrid(held.lat[::7], held.lon[::7], indexing="ij"))
            else:
                lat, lon = held.lat[np.isfinite(held.lat)], held.lon[np.isfinite(held.lat)]
            x = wrap180(lon)
            inside = np.zeros(lat.shape, bool)
            for ring in extent["polygons"]:
                inside |= inside_ring(x, lat, tuple(map(tuple, ring)))
            for west, south, east, north in extent["rectangles"]:
                inside |= (west <= x) & (x <= east) & (south <= lat) & (lat <= north)
            assert inside.all()


@pytest.mark.parametrize(
    "name", [n for n, case in CASES.items() if case[0] in ("along-track", "profile", "trajectory")]
)
def test_every_valid_point_of_a_track_lies_within_0_15_degree_of_its_lines(granules: Path, name: str):
    lines = facts(granules / name)["extent"]["lines"]
    assert lines
    with open_granule(granules / name) as granule:
        for pair in find_pairs(granule.variables):
            held = read_positions(granule, pair)
            good = np.isfinite(held.lat)
            assert (distance_to_lines(held.lat[good], wrap180(held.lon[good]), lines) <= 0.15).all()


@pytest.mark.parametrize("name", CASES)
def test_facts_are_plain_json_and_each_shape_is_what_the_module_promises(granules: Path, name: str):
    found = facts(granules / name)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert len(json.dumps(found["extent"])) < 40_000
    for variable in found["variables"]:
        rank = len(variable["shape"])
        assert rank == len(variable["dims"]) == len(variable["dim_names"]) == len(variable["dim_types"])
        assert not variable["path"].startswith("/")
        assert (variable["type"] in ("SCIENCE_VARIABLE", "QUALITY_VARIABLE")) >= (variable["role"] == "data")
        assert variable["layout"] is None or variable["layout"] < len(found["layouts"])
    assert sum(v["stored_bytes"] for v in found["variables"]) <= found["file"]["size_bytes"] * 1.01


@pytest.mark.parametrize("name", GRIDS_THE_BRIDGE_UNDERSTANDS)
def test_axes_are_typed_only_where_the_bridge_counts_right(granules: Path, name: str):
    types = {t for v in facts(granules / name)["variables"] for t in v["dim_types"]}
    assert ({"LATITUDE_DIMENSION", "LONGITUDE_DIMENSION"} <= types) == GRIDS_THE_BRIDGE_UNDERSTANDS[name]


@pytest.mark.parametrize("day", [2, 3])
def test_a_time_that_contradicts_the_name_is_kept_with_a_warning(granules: Path, day: int):
    name = {2: "l2/2020_01_02_3200ff_global.nc", 3: "l2/2020_01_03_0019ff_global.nc"}[day]
    found = facts(granules / name)
    assert found["time"]["warning"] == f"time says 2020-01-01, the file name says 2020-01-0{day}: the variable counts"
    assert found["warnings"] == [found["time"]["warning"]]


def test_a_single_instant_on_the_day_of_the_name_is_the_whole_day_guessed(granules: Path):
    time = facts(granules / "l2/2020_01_01_7f00ff_global.nc")["time"]
    assert (time["end"], time["sureness"]) == ("2020-01-01T23:59:59.999Z", "guessed")


@pytest.mark.parametrize(
    ("name", "path", "kind", "subtype"),
    [
        (S5P, "PRODUCT/latitude", "COORDINATE", "LATITUDE"),
        (S5P, "PRODUCT/time", "COORDINATE", "TIME"),
        (S5P, "PRODUCT/delta_time", "COORDINATE", "TIME"),
        (S5P, "PRODUCT/qa_value", "QUALITY_VARIABLE", None),
        (S5P, "PRODUCT/methane_mixing_ratio", "SCIENCE_VARIABLE", "ARRAY"),
        (S5P, "PRODUCT/time_utc", "ANCILLARY_VARIABLE", None),
        ("l2/SS_AMSR2-L2B_v08_r38622-v02.0-fv01.0.nc", "wind_speed", "SCIENCE_VARIABLE", "ARRAY"),
        ("l2/SS_AMSR2-L2B_v08_r38622-v02.0-fv01.0.nc", "l2p_flags", "QUALITY_VARIABLE", None),
        ("l3/GPM_3IMERGHH_prefetch.nc4", "Grid/lat_bnds", "ANCILLARY_VARIABLE", None),
        ("l3/ABoVE_TVPRM_bbox.nc4", "crs", "ANCILLARY_VARIABLE", None),
        ("l3/ABoVE_TVPRM_bbox.nc4", "x", "COORDINATE", "OTHER"),
    ],
)
def test_variables_are_typed_by_the_first_rule_that_fits(granules: Path, name, path, kind, subtype):
    variable = next(v for v in facts(granules / name)["variables"] if v["path"] == path)
    assert (variable["type"], variable["subtype"]) == (kind, subtype)


@pytest.mark.parametrize(
    "name",
    [
        "l2/ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc",
        "l2/synthetic_atl03.h5",
        "l3/TCI.tif",
        "l3/bands_zip.zip",
        "extra/coads_sst_classic.nc",
    ],
)
def test_a_file_cut_in_half_is_refused_with_a_reason(granules: Path, tmp_path: Path, name: str):
    content = (granules / name).read_bytes()
    half = tmp_path / Path(name).name
    half.write_bytes(content[: len(content) // 2])
    found = describe(half)
    assert set(found) == {"path", "error"}
    assert half.name in found["error"]


def test_the_real_readme_is_refused(granules: Path):
    assert "not a format we read" in describe(granules / "l2" / "README.md")["error"]
    with pytest.raises(NoRetry):
        open_granule(granules / "l2" / "README.md")
