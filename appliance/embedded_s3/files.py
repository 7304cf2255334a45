"""Objects as plain files: `<root>/<bucket>/<key>` holds the bytes and nothing else, `<root>/.sys` the rest.

A new object is written to `.sys/tmp`, flushed, given its row, then renamed: it is visible whole or not at all. Paths
are walked one segment at a time without following symbolic links. Never hashes a file. Source: object-store.md 5.2, 3.
"""

import errno
import mimetypes
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.metadata import Facts, Metadata, Version

LONGEST_KEY_BYTES = 1024
LONGEST_SEGMENT_BYTES = 255
# A key that ends in a slash is a marker that some clients put for a folder; a backslash is never part of a key.
MARKER = "\\"
_BUCKET = re.compile(r"(?!.*(\.\.|\.-|-\.))[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_OBJECT = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # NONBLOCK: a pipe must not hang us
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PIECE_BYTES = 1 << 20
Check = Callable[["Info | None"], None]


@dataclass(frozen=True, slots=True)
class Info:
    """One version of an object, as HEAD shows it. `etag` is without quotes."""

    size_bytes: int
    mtime_ns: int
    etag: str
    content_type: str
    headers: Mapping[str, str]

    @property
    def facts(self) -> Facts:
        """What a copy takes along."""
        return Facts(self.etag, self.content_type, self.headers)


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An open file and what it is; both stay true while others overwrite or delete the key. The holder closes it."""

    fd: int
    info: Info


class Files:
    """The buckets under one root; thread safe. One process at a time (the lock is `__main__`'s)."""

    def __init__(self, root: Path, *, fsync: bool):
        self.root = root
        self.system = root / ".sys"
        self._fsync = fsync
        self._changes = threading.Lock()
        self._clock = threading.Lock()
        self._last_ns = 0
        self._drafts: set[str] = set()
        for folder in (self.root, self.system, self.system / "tmp", self.system / "mp"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.metadata = Metadata(self.system / "meta.db", durable=fsync)

    # Buckets

    def buckets(self) -> list[tuple[str, float]]:
        """Names in order, with the time each was made, in seconds since 1970."""
        times = self.metadata.bucket_times()
        with os.scandir(self.root) as entries:
            found = [e for e in entries if _BUCKET.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
            return sorted((e.name, times.get(e.name) or e.stat(follow_symlinks=False).st_mtime) for e in found)

    def require_bucket(self, bucket: str) -> None:
        """Raise NoSuchBucket (404) or InvalidBucketName (400)."""
        os.close(self._open_bucket(bucket))

    def create_bucket(self, bucket: str) -> None:
        """Raise BucketAlreadyOwnedByYou (409) when it is there."""
        check_bucket(bucket)
        try:
            (self.root / bucket).mkdir(mode=0o700)
        except FileExistsError:
            raise S3Fault("BucketAlreadyOwnedByYou", f"bucket {bucket} is there already") from None
        self.metadata.add_bucket(bucket)

    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket, with the empty folders that a crash may have left in it. Raises BucketNotEmpty."""
        self.require_bucket(bucket)
        with self._changes:
            if any(names for _, _, names in os.walk(self.root / bucket)):
                raise S3Fault("BucketNotEmpty", f"bucket {bucket} holds objects; allowed: delete them first")
            shutil.rmtree(self.root / bucket)
            self.metadata.drop_bucket(bucket)

    # Reading

    def open(self, bucket: str, key: str) -> OpenObject:
        """Open an object. The open file decides size, ETag and bytes together. Raises NoSuchKey, NoSuchBucket."""
        try:
            with self._folder(bucket, key) as (folder, name):
                fd = os.open(name, _OPEN_OBJECT, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
                raise S3Fault("NoSuchKey", "there is no object with this key") from None
            raise
        try:
            return OpenObject(fd, self._info(bucket, key, os.fstat(fd)))
        except BaseException:
            os.close(fd)
            raise

    def info(self, bucket: str, key: str, status: os.stat_result) -> Info:
        """What an object is, from its file's status: for listings, which have it at hand."""
        return self._info(bucket, key, status)

    def _info(self, bucket: str, key: str, status: os.stat_result) -> Info:
        if not stat.S_ISREG(status.st_mode):
            raise S3Fault("NoSuchKey", "there is no object with this key")
        version = Version(status.st_size, status.st_mtime_ns)
        facts = self.metadata.facts(bucket, key, version) or guessed_facts(key, version)
        return Info(version.size_bytes, version.mtime_ns, facts.etag, facts.content_type, facts.headers)

    # Writing

    @contextmanager
    def draft(self) -> Iterator[tuple[Path, int]]:
        """A new file in `.sys/tmp` and its descriptor; whatever is still there at the end is removed."""
        path = self.system / "tmp" / secrets.token_hex(16)
        self._drafts.add(path.name)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield path, fd
        finally:
            os.close(fd)
            path.unlink(missing_ok=True)
            self._drafts.discard(path.name)

    def flush(self, fd: int) -> Version:
        """Give a finished file its time, unique in this store, and bring it to disk. Returns what its row must say."""
        stamp = self._stamp()
        os.utime(fd, ns=(stamp, stamp))
        if self._fsync:
            os.fsync(fd)
        status = os.fstat(fd)
        return Version(status.st_size, status.st_mtime_ns)

    def publish(self, source: Path, version: Version, bucket: str, key: str, facts: Facts, check: Check) -> Info:
        """Rename a flushed file to its key. `check` sees the present object (or None) and may raise: nothing can come
        between its answer and the rename. Raises InvalidArgument (400) where a key would lie below another."""
        try:
            with self._changes, self._folder(bucket, key, create=True) as (folder, name):
                current = self._present(bucket, key, folder, name)
                check(current)
                known = Version(current.size_bytes, current.mtime_ns) if current else None
                self.metadata.keep(bucket, key, version, facts, known)
                os.replace(source, name, dst_dir_fd=folder)
                if self._fsync:
                    os.fsync(folder)  # without it a power cut may still forget the name
        except (NotADirectoryError, IsADirectoryError):
            raise S3Fault("InvalidArgument", "one key cannot be a folder of another, as in a and a/b") from None
        except BaseException:
            with self._changes:
                self._prune(bucket, key)
            raise
        return Info(version.size_bytes, version.mtime_ns, facts.etag, facts.content_type, facts.headers)

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete objects and the folders this leaves empty; absent ones are no error. Raises NoSuchBucket."""
        self.require_bucket(bucket)
        names = list(keys)
        with self._changes:
            for key in names:
                absent = suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError)
                with absent, self._folder(bucket, key) as (folder, name):
                    os.unlink(name, dir_fd=folder)
                self._prune(bucket, key)
            self.metadata.drop(bucket, names)

    def sweep(self, *, at_start: bool) -> None:
        """Remove drafts that no live request owns: at start all, later those older than a day."""
        for path in (self.system / "tmp").iterdir():
            with suppress(FileNotFoundError):
                if path.name not in self._drafts and (at_start or time.time() - path.stat().st_mtime > 86400):
                    path.unlink()

    def _present(self, bucket: str, key: str, folder: int, name: str) -> Info | None:
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(name)
        return self._info(bucket, key, status)

    def _stamp(self) -> int:
        with self._clock:
            self._last_ns = max(time.time_ns(), self._last_ns + 1)
            return self._last_ns

    def _open_bucket(self, bucket: str) -> int:
        check_bucket(bucket)
        try:
            return os.open(self.root / bucket, _OPEN_FOLDER)
        except (FileNotFoundError, NotADirectoryError):
            raise S3Fault("NoSuchBucket", f"there is no bucket {bucket}") from None

    @contextmanager
    def _folder(self, bucket: str, key: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """The open folder that holds a key, and the file's name in it. Follows no symbolic link."""
        *folders, name = segments(key)
        fd = self._open_bucket(bucket)
        try:
            for part in folders:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=fd)
                below = os.open(part, _OPEN_FOLDER, dir_fd=fd)
                os.close(fd)
                fd = below
            yield fd, name
        finally:
            os.close(fd)

    def _prune(self, bucket: str, key: str) -> None:
        """Remove the folders above a key while they are empty. Call it with the lock on changes held."""
        folders = segments(key)[:-1]
        with suppress(OSError):
            while folders:
                (self.root / bucket).joinpath(*folders).rmdir()
                folders.pop()


def check_bucket(bucket: str) -> None:
    """Raise InvalidBucketName (400) unless the name works everywhere (object-store.md 3)."""
    if not _BUCKET.fullmatch(bucket):
        raise S3Fault("InvalidBucketName", "allowed: 3 to 63 of a-z 0-9 - . between two letters or digits")


def segments(key: str) -> list[str]:
    """The file names of a key. Refuses what is not canonical, and repairs nothing (object-store.md 3).

    Raises InvalidArgument or KeyTooLongError (400).
    """
    parts = key.split("/")
    if parts[-1] == "" and len(parts) > 1:
        parts[-1] = MARKER
    elif MARKER in key or "\0" in key:
        parts = [""]
    if any(part in ("", ".", "..") for part in parts) or MARKER in key or "\0" in key:
        raise S3Fault("InvalidArgument", "key: allowed: no empty, . or .. segment, no backslash, no NUL")
    if len(key.encode()) > LONGEST_KEY_BYTES or any(len(part.encode()) > LONGEST_SEGMENT_BYTES for part in parts):
        raise S3Fault("KeyTooLongError", f"key: allowed: {LONGEST_KEY_BYTES} bytes, {LONGEST_SEGMENT_BYTES} a segment")
    return parts


def guessed_facts(key: str, version: Version) -> Facts:
    """Facts of a file without a row: the type by its name, an ETag that changes whenever the file does."""
    content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
    return Facts(f"{version.mtime_ns:016x}{version.size_bytes:016x}", content_type, {})


def copy_bytes(source: int, target: int, start: int, length: int) -> None:
    """Append `length` bytes of `source` from `start` to `target`, inside the kernel where it can."""
    offset, left = start, length
    while left:
        try:
            done = os.copy_file_range(source, target, min(left, 1 << 30), offset)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
                raise
            piece = os.pread(source, min(left, _PIECE_BYTES), offset)
            write_all(target, piece)
            done = len(piece)
        if not done:
            raise OSError(errno.EIO, "the source ended early")
        offset, left = offset + done, left - done


def write_all(fd: int, data: bytes) -> None:
    """Write everything; a disk that fills up writes a part first and says so at the next call."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def is_full(error: OSError) -> bool:
    """No room: on the disk, in the quota, or under this process's own file size limit."""
    return error.errno in _FULL
