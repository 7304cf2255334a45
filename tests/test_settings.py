"""Settings: defaults, file, variables, command line, in this order; errors say where, what and what is allowed."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SettingsError
from appliance.settings import Settings, load_settings, setting_fields


@pytest.fixture
def home(tmp_path: Path) -> dict[str, Any]:
    return {"home": tmp_path}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "harmonium.toml"
    path.write_text(text, "utf-8")
    return path


@given(sources=st.sets(st.sampled_from(["file", "variable", "line"])))
def test_the_later_source_wins(tmp_path_factory: pytest.TempPathFactory, sources: set[str]):
    folder = tmp_path_factory.mktemp("home")
    ports = {"default": 3000, "file": 1, "variable": 2, "line": 3}
    if "file" in sources:
        written(folder, "port = 1\n")
    environment = {"HARMONIUM_PORT": "2"} if "variable" in sources else {}
    settings = load_settings(environment, {"home": folder, "port": 3 if "line" in sources else None})
    (winner,) = [s for s in ("line", "variable", "file", "default") if s in {*sources, "default"}][:1]
    assert settings.port == ports[winner]


def test_the_file_is_in_the_home_or_where_one_says(tmp_path: Path):
    written(tmp_path, "port = 1\n")
    other = tmp_path / "other.toml"
    other.write_text("port = 2\n")
    assert load_settings({"HARMONIUM_HOME": str(tmp_path)}).port == 1
    assert load_settings({"HARMONIUM_HOME": str(tmp_path), "HARMONIUM_SETTINGS": str(other)}).port == 2
    assert load_settings({"HARMONIUM_HOME": str(tmp_path)}, None, other).port == 2


def test_a_table_of_the_file_is_a_prefix(tmp_path: Path, home: dict[str, Any]):
    written(tmp_path, '[object_store]\nregion = "eu-west-1"\npresign_seconds = 60\n[embedded]\nfsync = false\n')
    settings = load_settings({}, home)
    assert (settings.object_store_region, settings.object_store_presign_seconds) == ("eu-west-1", 60)
    assert settings.embedded_fsync is False


def test_texts_become_what_the_field_is(home: dict[str, Any]):
    settings = load_settings(
        {
            "HARMONIUM_PUBLIC_HOSTS": "a.example, b.example,",
            "HARMONIUM_UPKEEP_S": "0.5",
            "HARMONIUM_DURABLE": "Yes",
            "HARMONIUM_SERVICES_FILE": "~/services.yml",
            "HARMONIUM_ADMIN_PASSWORD_FILE": "",
        },
        home,
    )
    assert settings.public_hosts == ("a.example", "b.example")
    assert settings.upkeep_s == 0.5 and settings.durable is True
    assert settings.services_file == Path.home() / "services.yml"
    assert settings.admin_password_file is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", ["no setting 'prot'", "did you mean port?"]),
        ("[object_store]\nregin = 'x'", ["no setting 'object_store_regin'", "did you mean object_store_region?"]),
        ("zzzzzz = 1", ["no setting 'zzzzzz'", "harmonium check --list-settings"]),
        ("port = 'many'", ["port: 'many'", "allowed: a whole number"]),
        ("port = true", ["port: True", "allowed: a whole number"]),
        ("durable = 'perhaps'", ["durable: 'perhaps'", "allowed: true or false"]),
        ("upkeep_s = 'x'", ["upkeep_s: 'x'", "allowed: a number"]),
        ("host = 5", ["host: 5", "allowed: text"]),
        ("port = [", ["Invalid value"]),
        ("port = 1\nport = 2", ["Cannot overwrite a value"]),
    ],
)
def test_an_error_of_the_file_names_it(tmp_path: Path, home: dict[str, Any], text: str, words: list[str]):
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as error:
        load_settings({}, home)
    for word in [f"settings file {path}", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HARMONIUM_PROT", "1", ["no such setting", "did you mean port?"]),
        ("HARMONIUM_PORT", "http", ["'http'", "allowed: a whole number"]),
        ("HARMONIUM_DURABLE", "", ["''", "allowed: true or false"]),
    ],
)
def test_an_error_of_a_variable_names_it(home: dict[str, Any], variable: str, value: str, words: list[str]):
    with pytest.raises(SettingsError) as error:
        load_settings({variable: value}, home)
    for word in [f"variable {variable}", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("port", 65536, "port: 65536; allowed: 0 to 65535"),
        ("port", -1, "port: -1; allowed: 0 to 65535"),
        ("log_level", "loud", "log_level: 'loud'; allowed: debug, info, warning, error"),
        ("object_store_staging_bucket", "results", "'results'; allowed: a name that contains \"harmony\""),
    ],
)
def test_values_that_cannot_be_are_refused_wherever_they_come_from(name: str, value: Any, words: str):
    with pytest.raises(SettingsError) as error:
        Settings(**{name: value})
    assert words in str(error.value)


def test_variables_of_others_and_of_our_tools_are_left_alone(home: dict[str, Any]):
    environment = {"PATH": "/bin", "HARMONY_PORT": "1", "HARMONIUM_TOKEN": "x", "HARMONIUM_URL": "x"}
    assert load_settings(environment, home).port == 3000


def test_secrets_are_not_in_what_settings_print():
    settings = Settings(object_store_access_key="AKIA1", object_store_secret_key="hush")
    assert "hush" not in repr(settings) and "AKIA1" not in repr(settings)


def test_every_setting_has_a_default_and_a_meaning():
    assert {f.name for f in fields(Settings)} == set(setting_fields())
    for name, setting in setting_fields().items():
        assert setting.metadata["help"], name
        assert hasattr(Settings(), name)
