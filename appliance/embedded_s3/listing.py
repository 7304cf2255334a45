"""Listings: the keys of a bucket in the order of their UTF-8 bytes, grouped by a delimiter, a page at a time.

Reads directories only as far as the page needs. Order: a directory is sorted with `/` added to the names of its
sub-directories, which is the order of whole keys. Source: object-store.md 5.3; AWS, ListObjectsV2.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.files import MARKER, Files, Info

LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to list. `after`: keys and groups at or before it are left out."""

    bucket: str
    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    limit: int = LARGEST_PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """Keys and groups (common prefixes) of one page; `last` is where the next one goes on, "" on the last page."""

    objects: list[tuple[str, Info]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    last: str = ""


def list_page(files: Files, wanted: Wanted) -> Page:
    """One page of at most `wanted.limit` keys and groups. Raises NoSuchBucket (404)."""
    files.require_bucket(wanted.bucket)
    page = Page()
    if not wanted.limit:
        return page
    walk = Walk(files.root / wanted.bucket, wanted.prefix, wanted.after)
    last = ""
    for key, entry in walk:
        if len(page.objects) + len(page.groups) >= wanted.limit:
            return Page(page.objects, page.groups, last)
        if group := group_of(key, wanted):
            walk.skipped = group.encode()
            if group > wanted.after or not wanted.after:
                page.groups.append(group)
                last = group
            continue
        try:
            page.objects.append((key, files.info(wanted.bucket, key, entry.stat(follow_symlinks=False))))
        except (FileNotFoundError, S3Fault):
            continue  # deleted since the directory was read
        last = key
    return page


def group_of(key: str, wanted: Wanted) -> str:
    """The common prefix that a key falls under, up to and with the first delimiter after the prefix; "" for none."""
    end = key.find(wanted.delimiter, len(wanted.prefix)) if wanted.delimiter else -1
    return key[: end + len(wanted.delimiter)] if end >= 0 else ""


class Walk:
    """Keys below a bucket's folder, in order. Setting `skipped` leaves out what begins with it from there on."""

    def __init__(self, folder: Path, prefix: str, after: str):
        self.skipped = b""
        self._folder = os.fsencode(folder)
        self._prefix = prefix.encode()
        self._after = after.encode()

    def __iter__(self) -> Iterator[tuple[str, "os.DirEntry[bytes]"]]:
        base = self._prefix[: self._prefix.rfind(b"/") + 1]
        levels = [iter(self._entries(base))] if self._is_plain(base) else []
        while levels:
            key, entry = next(levels[-1], (b"", None))
            if entry is None:
                levels.pop()
            elif not self._is_wanted(key):
                continue
            elif key.endswith(b"/") and entry.is_dir(follow_symlinks=False):
                levels.append(iter(self._entries(key)))
            elif key > self._after:
                yield key.decode(), entry

    def _is_wanted(self, key: bytes) -> bool:
        """Whether a key, or something below it, can still be asked for."""
        if self.skipped and key.startswith(self.skipped):
            return False
        if not (key.startswith(self._prefix) or (key.endswith(b"/") and self._prefix.startswith(key))):
            return False
        return key > self._after or (key.endswith(b"/") and self._after.startswith(key))

    def _entries(self, base: bytes) -> list[tuple[bytes, "os.DirEntry[bytes]"]]:
        try:
            with os.scandir(self._folder + b"/" + base) as entries:
                return sorted(
                    ((base + _name(e), e) for e in entries if _is_listed(e)), key=lambda key_entry: key_entry[0]
                )
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _is_plain(self, base: bytes) -> bool:
        """Whether the way to `base` is canonical and made of folders alone, no symbolic links."""
        path = Path(os.fsdecode(self._folder))
        for part in base.decode().split("/")[:-1]:
            path = path / part
            if part in ("", ".", "..", MARKER) or "\0" in part or path.is_symlink():
                return False
        return True


def _name(entry: "os.DirEntry[bytes]") -> bytes:
    if entry.is_dir(follow_symlinks=False):
        return entry.name + b"/"
    return b"" if entry.name == MARKER.encode() else entry.name


def _is_listed(entry: "os.DirEntry[bytes]") -> bool:
    """Folders and plain files with UTF-8 names; nobody can name anything else by a key."""
    if not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)):
        return False
    try:
        entry.name.decode()
    except UnicodeDecodeError:
        return False
    return True
