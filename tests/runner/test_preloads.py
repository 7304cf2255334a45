"""Which forkserver a transformer belongs to."""

from appliance.runner.preloads import HEAVY_LIBRARIES, kind_of, preload_of, transformer_modules


def test_a_module_that_imports_a_heavy_library_at_its_top_is_heavy(tmp_path):
    kinds = {name: kind_of(name) for name in transformer_modules()}
    assert kinds["transformers.subset_swath"] == "light"
    assert set(kinds.values()) <= {"light", "heavy"}


def test_what_is_no_transformer_is_light():
    assert kind_of("somewhere.else") == "light" and kind_of("transformers.no_such_module") == "light"


def test_each_forkserver_preloads_its_libraries_the_entry_and_its_own_transformers():
    light, heavy = preload_of("light", "transformers.run"), preload_of("heavy", "transformers.run")
    assert light[:3] == ("numpy", "h5py", "h5netcdf") and "transformers.run" in light
    assert not set(light) & set(HEAVY_LIBRARIES) and set(HEAVY_LIBRARIES) < set(heavy)
    own = set(transformer_modules())
    assert (set(light) & own) | (set(heavy) & own) == own and not set(light) & set(heavy) & own
