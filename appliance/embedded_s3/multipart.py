"""Multipart uploads: parts as files in `.sys/mp/<upload id>/` until Complete joins them into one object.

A part's file is named `<number>.<md5>.<size>`, so uploads survive a restart, and a Complete that was killed half-way
can be asked for again. Publishing is `files.py`'s. Source: object-store.md 5.2.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.files import Check, Files, Info, copy_bytes, segments
from appliance.embedded_s3.metadata import Facts

SMALLEST_PART_BYTES = 5 * 1024**2
LARGEST_NUMBER = 10_000
STALE_S = 24 * 3600
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"([0-9]{5})\.([0-9a-f]{32})\.([0-9]+)")


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was begun and not yet completed or aborted. `begun_at`: seconds since 1970."""

    upload_id: str
    bucket: str
    key: str
    content_type: str
    headers: Mapping[str, str]
    begun_at: float


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is whole. `etag` is its MD5, without quotes."""

    number: int
    etag: str
    size_bytes: int
    path: Path

    @property
    def modified_at(self) -> float:
        """When it came, in seconds since 1970."""
        return self.path.stat().st_mtime


class Uploads:
    """The uploads of one store; thread safe."""

    def __init__(self, files: Files):
        self._files = files
        self._root = files.system / "mp"
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    def begin(self, bucket: str, key: str, content_type: str, headers: Mapping[str, str]) -> Upload:
        """A new upload. Raises NoSuchBucket, and InvalidArgument for a key that could never be published."""
        self._files.require_bucket(bucket)
        segments(key)
        upload = Upload(secrets.token_hex(16), bucket, key, content_type, dict(headers), time.time())
        with self._files.draft() as (path, fd):
            os.write(fd, json.dumps([getattr(upload, name) for name in Upload.__slots__]).encode())
            (self._root / upload.upload_id).mkdir(mode=0o700)
            path.replace(self._root / upload.upload_id / "upload.json")
        return upload

    @contextmanager
    def held(self, bucket: str, key: str, upload_id: str) -> Iterator[Upload]:
        """The upload, kept from the sweep meanwhile. Raises NoSuchUpload (404), also when it is another key's."""
        self._files.require_bucket(bucket)
        self._busy[upload_id] += 1
        try:
            yield self._upload(bucket, key, upload_id)
        finally:
            with self._lock:
                self._busy[upload_id] -= 1
                if not self._busy[upload_id]:
                    del self._busy[upload_id]

    def keep_part(self, upload: Upload, number: int, draft: Path, fd: int, etag: str) -> None:
        """Take a whole, verified draft as part `number`, in place of an earlier one with this number."""
        version = self._files.flush(fd)
        folder = self._root / upload.upload_id
        with self._alone(upload):
            kept = draft.replace(folder / f"{number:05d}.{etag}.{version.size_bytes}")
            for older in folder.glob(f"{number:05d}.*"):
                if older != kept:
                    older.unlink(missing_ok=True)

    def parts(self, upload: Upload) -> list[Part]:
        """The parts that came, by number; of two with one number (a kill between two steps) the later."""
        found: dict[int, Part] = {}
        for path in sorted((self._root / upload.upload_id).iterdir(), key=lambda p: p.stat().st_mtime_ns):
            if match := _PART.fullmatch(path.name):
                found[int(match[1])] = Part(int(match[1]), match[2], int(match[3]), path)
        return [found[number] for number in sorted(found)]

    def complete(self, upload: Upload, chosen: Sequence[tuple[int, str]], check: Check) -> Info:
        """Join the chosen parts (number, ETag) and publish. The first part's file becomes the object.

        Raises InvalidPartOrder, InvalidPart, EntityTooSmall (400); then the parts are still there.
        """
        with self._alone(upload):
            info = self._joined(upload, self._chosen_parts(upload, chosen), check)
            shutil.rmtree(self._root / upload.upload_id, ignore_errors=True)
        return info

    def _joined(self, upload: Upload, parts: Sequence[Part], check: Check) -> Info:
        digests = b"".join(bytes.fromhex(part.etag) for part in parts)
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        fd = os.open(parts[0].path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.ftruncate(fd, parts[0].size_bytes)  # a Complete that was killed may have appended to it
            os.lseek(fd, 0, os.SEEK_END)
            for part in parts[1:]:
                _append(fd, part)
            version = self._files.flush(fd)
            facts = Facts(etag, upload.content_type, upload.headers)
            return self._files.publish(parts[0].path, version, upload.bucket, upload.key, facts, check)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(fd, parts[0].size_bytes)
            raise
        finally:
            os.close(fd)

    def abort(self, upload: Upload) -> None:
        """Forget an upload and its parts."""
        with self._alone(upload):
            shutil.rmtree(self._root / upload.upload_id, ignore_errors=True)

    def listed(self, bucket: str, prefix: str) -> list[Upload]:
        """Uploads under way in a bucket, by key, then by time. Raises NoSuchBucket (404)."""
        self._files.require_bucket(bucket)
        uploads = [u for path in self._root.iterdir() if (u := self._read(path.name)) is not None]
        found = [u for u in uploads if u.bucket == bucket and u.key.startswith(prefix)]
        return sorted(found, key=lambda u: (u.key, u.begun_at))

    def sweep(self) -> None:
        """Remove uploads untouched for a day that no live request owns."""
        for path in self._root.iterdir():
            with suppress(FileNotFoundError):
                if path.name not in self._busy and time.time() - path.stat().st_mtime > STALE_S:
                    shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _alone(self, upload: Upload) -> Iterator[None]:
        """Hold the upload's folder: a part that comes while Complete joins would change the object under it.

        Raises NoSuchUpload (404) when it went away while we waited.
        """
        folder = self._root / upload.upload_id
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise no_such_upload() from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if not (folder / "upload.json").exists():
                raise no_such_upload()
            yield
        finally:
            os.close(fd)

    def _chosen_parts(self, upload: Upload, chosen: Sequence[tuple[int, str]]) -> list[Part]:
        numbers = [number for number, _ in chosen]
        if not chosen or numbers != sorted(set(numbers)):
            raise S3Fault("InvalidPartOrder", "parts: allowed: at least one, each once, in ascending order")
        present = {part.number: part for part in self.parts(upload)}
        parts = [present.get(number) for number in numbers]
        for part, (number, etag) in zip(parts, chosen, strict=True):
            if part is None or part.etag != etag.strip().strip('"'):
                raise S3Fault("InvalidPart", f"part {number}: not uploaded, or with another ETag")
        whole = [part for part in parts if part is not None]
        if small := [part.number for part in whole[:-1] if part.size_bytes < SMALLEST_PART_BYTES]:
            raise S3Fault("EntityTooSmall", f"part {small[0]}: allowed: {SMALLEST_PART_BYTES} bytes, but for the last")
        return whole

    def _upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        upload = self._read(upload_id) if _UPLOAD_ID.fullmatch(upload_id) else None
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise no_such_upload()
        return upload

    def _read(self, upload_id: str) -> Upload | None:
        try:
            return Upload(*json.loads((self._root / upload_id / "upload.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


def no_such_upload() -> S3Fault:
    """One sentence for unknown, completed, aborted and foreign uploads alike."""
    return S3Fault("NoSuchUpload", "there is no such upload of this key; it may have been completed or aborted")


def _append(fd: int, part: Part) -> None:
    source = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        copy_bytes(source, fd, 0, part.size_bytes)
    finally:
        os.close(source)
