"""Settings: one frozen value, made once at start from defaults, a TOML file, HARMONIUM_* and the command line.

Later sources win in that order. The only reader of the environment. Values are handed down by `assembly`; nothing below
it imports this module to look something up. A table `[object_store]` of the file with `port = 9000` is the field
`object_store_port` and the variable `HARMONIUM_OBJECT_STORE_PORT`. Secrets come from files or variables, never argv.
"""

import difflib
import os
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from appliance.errors import SettingsError


def _setting(default: Any, help_text: str, *, unit: str = "", secret: bool = False) -> Any:
    return field(default=default, metadata={"help": help_text, "unit": unit}, repr=not secret)


DEFAULT_PORT = 3000  # where harmony-py's local environment looks


def default_home() -> Path:
    """Where state lives when nobody says otherwise (XDG base directories)."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "harmonium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator may choose. Every field has a default; `home` is where all state lives."""

    home: Path = field(
        default_factory=default_home,
        metadata={"help": "Folder of databases, work files, logs and the embedded store", "unit": ""},
    )
    host: str = _setting("127.0.0.1", "Address to listen on; anything but loopback needs an account first")
    port: int = _setting(DEFAULT_PORT, "Port of the API; 3000 is where harmony-py's local environment looks")
    public_url: str = _setting("", "Base URL that clients use, when it is not the address they connect to")
    public_hosts: tuple[str, ...] = _setting((), "Further host names by which this server may be addressed")
    trusted_proxies: tuple[str, ...] = _setting((), "Addresses whose Forwarded headers are believed")
    admin_user: str = _setting("", "Name of the account made at first start, with admin_password_file")
    admin_password_file: Path | None = _setting(None, "File that holds the password of admin_user")
    search_guests: bool = _setting(True, "Let callers without credentials see metadata that registered users may read")
    log_level: str = _setting("info", "debug, info, warning or error")

    workers: int = _setting(0, "Work items carried out at the same time; 0 is one per core, at least 2")
    items_per_child: int = _setting(1, "Work items one child carries out before it is replaced")
    item_memory_mb: int = _setting(4096, "Address space a work item may take beyond the loaded libraries", unit="MiB")
    item_timeout_s: int = _setting(14400, "Longest time one work item may run", unit="s")
    default_item_threshold_s: int = _setting(
        300, "Run time after which an item is retried before any succeeded", unit="s"
    )
    retry_limit: int = _setting(5, "Times a failed work item is tried again")
    poison_limit: int = _setting(6, "Deaths of the appliance while an item ran after which that item is failed")
    stuck_check_s: int = _setting(300, "Time between two looks for items past their threshold", unit="s")
    upkeep_s: float = _setting(2.0, "Time between two rounds of upkeep", unit="s")
    durable: bool = _setting(False, "Survive power loss, not only crashes (SQLite synchronous=FULL; slower)")

    max_sync_granules: int = _setting(1, "Most granules of a request that is answered synchronously")
    max_granules: int = _setting(10_000_000, "Most granules of one request")
    preview_threshold: int = _setting(100, "Granules from which a job starts with a preview and pauses")
    max_errors: int = _setting(2000, "Errors after which a job fails")
    max_percent_errors: int = _setting(75, "Percentage of failed items after which a job fails", unit="%")
    min_items_for_percent: int = _setting(10, "Finished items of a step before the percentage is looked at")
    max_batch_inputs: int = _setting(1_000_000_000_000, "Most inputs of one batch, where the chain says nothing")
    max_batch_bytes: int = _setting(
        5_000_000_000, "Most bytes of one batch, where the chain says nothing", unit="bytes"
    )
    granule_page: int = _setting(2000, "Granules the first step finds at a time")
    expiration_days: int = _setting(30, "Days that results are kept", unit="days")
    reap_after_minutes: int = _setting(
        20_160, "Minutes after which work items of ended jobs are deleted", unit="minutes"
    )
    sync_wait_s: int = _setting(1200, "Longest time a synchronous request waits before it is sent to its job", unit="s")
    max_upload_bytes: int = _setting(2_000_000_000, "Largest shape upload", unit="bytes")

    cmr_url: str = _setting("", "Which block of services.yml is used; empty: the only or first one")
    services_file: Path | None = _setting(None, "Service chains; empty: those shipped in data/services.yml")
    harvest_roots: tuple[str, ...] = _setting((), "Folders whose files may be catalogued and served")
    provider: str = _setting("LOCAL", "Provider of harvested metadata without one")
    remote_hosts: tuple[str, ...] = _setting(
        (), "Hosts that data links may be fetched from; credentials in remotes.toml"
    )

    object_store_server: str = _setting("", "embedded, minio or external; empty: external when an endpoint is set")
    object_store_endpoint: str = _setting("", "URL of an S3 endpoint; empty: the embedded store")
    object_store_public_endpoint: str = _setting(
        "", "URL by which clients reach the store; set: results are signed links"
    )
    object_store_region: str = _setting("us-east-1", "Region given to the store")
    object_store_access_key: str = _setting("", "Access key of the store; generated for the embedded one", secret=True)
    object_store_secret_key: str = _setting("", "Secret key of the store; generated for the embedded one", secret=True)
    object_store_staging_bucket: str = _setting("harmony-staging", 'Bucket of results; must contain "harmony"')
    object_store_artifact_bucket: str = _setting("harmony-artifacts", "Bucket of intermediate files on other machines")
    object_store_ca_file: str = _setting("", "Certificates to trust for the endpoint")
    object_store_presign_seconds: int = _setting(3600, "Life of signed links", unit="s")
    aws_account_id: str = _setting("123456789012", "Account that the policy for users' own buckets names")
    embedded_host: str = _setting("127.0.0.1", "Address of the embedded store")
    embedded_port: int = _setting(0, "Port of the embedded store; 0: 9000 or the next free one")
    embedded_root: Path | None = _setting(None, "Folder of the embedded store; empty: objects/ in home")
    embedded_fsync: bool = _setting(True, "Flush each object to disk before it becomes visible")

    def __post_init__(self) -> None:
        if "harmony" not in self.object_store_staging_bucket:
            raise SettingsError(
                f"object_store_staging_bucket: {self.object_store_staging_bucket!r}; allowed: a name that contains "
                f'"harmony" (harmony-py recognises result links by it)'
            )
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"port: {self.port}; allowed: 0 to 65535")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise SettingsError(f"log_level: {self.log_level!r}; allowed: debug, info, warning, error")

    @property
    def worker_count(self) -> int:
        """How many work items run at the same time."""
        return self.workers or max(2, os.cpu_count() or 2)

    @property
    def state_path(self) -> Path:
        """Jobs, accounts, labels."""
        return self.home / "state.db"

    @property
    def catalog_path(self) -> Path:
        """Metadata."""
        return self.home / "catalog.db"

    @property
    def queue_path(self) -> Path:
        """Bells; may be deleted at any time."""
        return self.home / "queue.db"

    @property
    def work_folder(self) -> Path:
        """One folder per job, one per item in it, while they live."""
        return self.home / "work"

    @property
    def objects_folder(self) -> Path:
        """Root of the embedded store."""
        return self.embedded_root or self.home / "objects"


def load_settings(
    environment: Mapping[str, str], overrides: Mapping[str, Any] | None = None, file: Path | None = None
) -> Settings:
    """Settings from `file` (default: HARMONIUM_SETTINGS, else `<home>/harmonium.toml` if there is one), the variables
    and the overrides (command line; None values are left out).

    Raises SettingsError with file or variable, value, and what is allowed.
    """
    chosen = {name: value for name, value in (overrides or {}).items() if value is not None}
    from_environment = dict(_from_environment(environment))
    if file is None and environment.get("HARMONIUM_SETTINGS"):
        file = Path(environment["HARMONIUM_SETTINGS"])
    if file is None:
        home = Path(chosen.get("home") or from_environment.get("home") or default_home())
        file = home / "harmonium.toml" if (home / "harmonium.toml").is_file() else None
    from_file = dict(_from_file(file)) if file else {}
    return Settings(**{**from_file, **from_environment, **chosen})


def process_environment() -> dict[str, str]:
    """A copy of the environment, for `!Env` in service chains and for programs that this one becomes."""
    return dict(os.environ)


def setting_fields() -> dict[str, Field[Any]]:
    """Name -> field, with `metadata["help"]` and `["unit"]`; the reference page is made from it."""
    return {f.name: f for f in fields(Settings)}


NOT_SETTINGS = {"HARMONIUM_SETTINGS", "HARMONIUM_SHARED", "HARMONIUM_URL", "HARMONIUM_TOKEN", "HARMONIUM_SKIP_REPORT"}


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    known = setting_fields()
    for variable, text in environment.items():
        if not variable.startswith("HARMONIUM_") or variable in NOT_SETTINGS:
            continue
        name = variable.removeprefix("HARMONIUM_").lower()
        if name not in known:
            raise SettingsError(f"variable {variable}: no such setting{_nearest(name, known)}")
        yield name, _converted(f"variable {variable}", known[name], text)


def _from_file(path: Path) -> Iterator[tuple[str, Any]]:
    known = setting_fields()
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file {path}: {error}") from None
    for name, value in _flat(document):
        if name not in known:
            raise SettingsError(f"settings file {path}: no setting {name!r}{_nearest(name, known)}")
        yield name, _converted(f"settings file {path}, {name}", known[name], value)


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}_")
        else:
            yield prefix + key, value


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else "; `harmonium check --list-settings` lists them"


def _converted(where: str, setting: Field[Any], value: Any) -> Any:
    kind = typing.get_type_hints(Settings)[setting.name]
    if isinstance(kind, types.UnionType):
        if value == "":
            return None
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    try:
        return _as_kind(kind, value)
    except (TypeError, ValueError):
        words = {bool: "true or false", int: "a whole number", float: "a number", Path: "a path", str: "text"}
        raise SettingsError(f"{where}: {value!r}; allowed: {words.get(kind, 'a list of texts')}") from None


def _as_kind(kind: Any, value: Any) -> Any:
    if kind is bool:
        return _as_bool(value)
    if kind is Path:
        return Path(value).expanduser().absolute()
    if typing.get_origin(kind) is tuple:
        parts = value.split(",") if isinstance(value, str) else list(value)
        return tuple(str(p).strip() for p in parts if str(p).strip())
    if isinstance(value, bool) or (kind is str and not isinstance(value, str)):
        raise TypeError
    return kind(value)


def _as_bool(value: Any) -> bool:
    word = str(value).lower()
    if word not in ("true", "1", "yes", "false", "0", "no"):
        raise ValueError
    return word in ("true", "1", "yes")
