"""The hosts that data links may be fetched from, each with its own credentials: a list in settings, and remotes.toml.

A host that is not in the list is refused by name, whatever remotes.toml says. Credentials never leave their host: see
`remote.py`, which fetches. Source: decisions, section 2.5.
"""

import netrc
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from appliance.errors import SettingsError

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteHost:
    """One entry. name: `host`, `host:port`, or `s3://bucket`; as written, lower case.

    redirects: `listed` follows only to listed hosts; `public` also to any public address, without credentials.
    plain_http: send the credentials over http too (loopback needs no leave). endpoint, region: for s3 alone.
    """

    name: str
    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    endpoint: str = ""
    region: str = "us-east-1"
    redirects: str = "listed"
    plain_http: bool = False
    timeout_s: float = 3600.0
    max_bytes: int = 50_000_000_000


_IN_FILES = {"token_file": "token", "password_file": "password", "secret_key_file": "secret_key"}
_KEYS = {f.name: f.type for f in fields(RemoteHost) if f.name != "name"}
_ALLOWED = ", ".join(sorted({*_KEYS, *_IN_FILES, "netrc"}))


class RemoteHosts:
    """The list. `of` finds the entry of a URL, `find` answers None where there is none."""

    def __init__(self, hosts: Iterable[RemoteHost] = ()):
        self._hosts = {host.name: host for host in hosts}

    @property
    def names(self) -> list[str]:
        """Names as listed, sorted."""
        return sorted(self._hosts)

    def find(self, url: SplitResult) -> RemoteHost | None:
        """The entry of a URL's host: with its port, or without one when the port is the scheme's own."""
        if url.scheme == "s3":
            return self._hosts.get(f"s3://{url.netloc}")
        host, port = (url.hostname or "").lower(), url.port
        bracketed = f"[{host}]" if ":" in host else host
        if port is None or port == DEFAULT_PORTS.get(url.scheme):
            return self._hosts.get(bracketed) or self._hosts.get(f"{bracketed}:{DEFAULT_PORTS.get(url.scheme)}")
        return self._hosts.get(f"{bracketed}:{port}")


def load_remote_hosts(names: Iterable[str], file: Path) -> RemoteHosts:
    """The listed hosts with what `file` (remotes.toml, may be absent) says of them, one table per host.

    Raises SettingsError: not TOML, readable by others, a table for a host that is not listed, an unknown key.
    """
    listed = [name.strip().lower() for name in names if name.strip()]
    tables = _tables(file)
    stray = [name for name in tables if name.lower() not in listed]
    if stray:
        raise SettingsError(f"{file}: [{stray[0]!r}] is not in remote_hosts; allowed: {', '.join(listed) or 'none'}")
    chosen = {name.lower(): table for name, table in tables.items()}
    return RemoteHosts(_host(file, name, chosen.get(name, {})) for name in listed)


def _tables(file: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        with file.open("rb") as opened:
            document = tomllib.load(opened)
            mode = file.stat().st_mode
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"{file}: mode {stat.S_IMODE(mode):o}, but it holds credentials; allowed: 600 (chmod 600)")
    for name, table in document.items():
        if not isinstance(table, dict):
            raise SettingsError(f'{file}: {name}: {table!r}; allowed: one table per host, as in ["data.example.org"]')
    return document


def _host(file: Path, name: str, table: Mapping[str, Any]) -> RemoteHost:
    where = f"{file}, [{name}]"
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == "netrc":
            values["user"], values["password"] = _from_netrc(where, Path(str(value)).expanduser(), name)
        elif key in _IN_FILES:
            values[_IN_FILES[key]] = _from_file(where, key, Path(str(value)).expanduser())
        elif key in _KEYS:
            values[key] = _checked(where, key, value)
        else:
            raise SettingsError(f"{where}: no key {key!r}; allowed: {_ALLOWED}")
    host = RemoteHost(name=name, **values)
    if host.redirects not in ("listed", "public"):
        raise SettingsError(f"{where}: redirects = {host.redirects!r}; allowed: listed, public")
    return host


def _checked(where: str, key: str, value: Any) -> Any:
    kinds: Mapping[Any, tuple[type, ...]] = {str: (str,), bool: (bool,), float: (int, float), int: (int,)}
    kind = _KEYS[key]
    if not isinstance(value, kinds[kind]) or (kind is not bool and isinstance(value, bool)):
        raise SettingsError(f"{where}: {key} = {value!r}; allowed: {getattr(kind, '__name__', kind)}")
    return value


def _from_file(where: str, key: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{where}: {key}: {error}") from None


def _from_netrc(where: str, path: Path, name: str) -> tuple[str, str]:
    try:
        found = netrc.netrc(str(path)).authenticators(name.rpartition(":")[0] or name)
    except (OSError, netrc.NetrcParseError) as error:
        raise SettingsError(f"{where}: netrc: {error}") from None
    if found is None:
        raise SettingsError(f"{where}: netrc {path} has no entry for this host")
    return found[0], found[2] or ""
