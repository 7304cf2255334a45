"""Staging: inputs to paths that a child may read, outputs to what the next step reads, or into the store.

Archive files are read where they lie, once the metadata's own rule says that they are still what they were; remote ones
are fetched; outputs of earlier steps are hard links, read only. A transformer never sees the network, the catalog or a
path that somebody else may swap. Source: decisions 2.5, 2.6, 5.1 to 5.4; object-store.md 3.
"""

import errno
import json
import mimetypes
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from appliance.database.connection import Database
from appliance.errors import NotFoundError
from appliance.metadata.local_files import open_local
from appliance.runner.item_folder import ItemFolder, producer_of
from appliance.runner.remote import Fetcher
from appliance.workflow.records import Claimed, Link, Output

READ_ONLY = 0o444
LONGEST_SEGMENT_BYTES = 255
_REMOTE = ("http://", "https://", "s3://")


class StageError(Exception):
    """A file cannot be had or handed on; the text says which and why. Not for a lost output: OutputsLost."""

    def __init__(self, message: str, *, retryable: bool = False):
        super().__init__(message)
        self.retryable = retryable


class OutputsLost(Exception):
    """Outputs of earlier items that this one reads are gone (a crash, somebody's cleaning): they must be made again."""

    def __init__(self, item_ids: Sequence[int]):
        super().__init__(f"outputs of work items {', '.join(map(str, item_ids))} are lost")
        self.item_ids = tuple(item_ids)


@dataclass(frozen=True, slots=True)
class Stager:
    """What staging needs beside the item: the folder of all jobs, the catalog, how to fetch, and the folders that may
    be read beside those that the catalog knows."""

    work: Path
    catalog: Database
    fetcher: Fetcher
    roots: tuple[str, ...] = ()

    def stage_in(
        self, claimed: Claimed, inputs: Sequence[Output], folder: ItemFolder, canceled: Callable[[], bool]
    ) -> int:
        """Write message and catalog with every input at hand; the inputs' size in bytes.

        Raises OutputsLost, StageError, RemoteError, Canceled, OSError (disk full).
        """
        self._check_producers(claimed.job.job_id, inputs)
        links, size = [], 0
        for number, one in enumerate(inputs):
            item = self._local_item(one.stac, number, claimed.job.job_id, folder, canceled)
            size += sum(_size_of(Path(asset["href"])) for asset in item["assets"].values() if is_data(asset))
            path = folder.items / f"{number:06d}.json"
            path.write_text(json.dumps(item, ensure_ascii=False), encoding="utf-8")
            links.append({"rel": "item", "href": f"./items/{path.name}", "type": "application/json"})
        catalog = {"type": "Catalog", "stac_version": "1.0.0", "id": str(claimed.item.item_id), "links": links}
        catalog["description"] = f"Inputs of work item {claimed.item.item_id}"
        folder.catalog_path.write_text(json.dumps(catalog), encoding="utf-8")
        message = self._message(claimed, folder, canceled)
        folder.message_path.write_text(json.dumps(message, ensure_ascii=False), encoding="utf-8")
        return size

    def one_by_one(
        self, job_id: str, outputs: Iterable[Output], folder: ItemFolder, canceled: Callable[[], bool]
    ) -> Iterator[Output]:
        """Originals at local paths, each only until the next is asked for: what was fetched for it is gone by then."""
        for number, one in enumerate(outputs):
            item = self._local_item(one.stac, number, job_id, folder, canceled)
            yield replace(one, stac=item)
            shutil.rmtree(folder.inputs / f"{number:06d}", ignore_errors=True)

    def _check_producers(self, job_id: str, inputs: Sequence[Output]) -> None:
        lost = set()
        for one in inputs:
            for asset in one.stac["assets"].values():
                path = Path(asset["href"])
                producer = producer_of(self.work, job_id, path)
                if producer is not None and not path.exists():
                    lost.add(producer)
        if lost:
            raise OutputsLost(sorted(lost))

    def _local_item(
        self, stac: Mapping[str, Any], number: int, job_id: str, folder: ItemFolder, canceled: Callable[[], bool]
    ) -> dict[str, Any]:
        """The item with its data asset at a local path; other assets are left out unless they are outputs of ours."""
        assets = {}
        for key, asset in stac["assets"].items():
            if is_data(asset) or producer_of(self.work, job_id, Path(asset["href"])) is not None:
                path = self._local_path(stac, str(asset["href"]), number, job_id, folder, canceled)
                assets[key] = {**asset, "href": str(path)}
        return {**stac, "assets": assets, "links": []}

    def _local_path(
        self,
        stac: Mapping[str, Any],
        href: str,
        number: int,
        job_id: str,
        folder: ItemFolder,
        canceled: Callable[[], bool],
    ) -> Path:
        properties = stac.get("properties") or {}
        if href.startswith(_REMOTE):
            target = _place(folder, f"{number:06d}", properties.get("harmonium:name") or _last_part(href))
            self.fetcher.fetch(href, target, canceled=canceled)
            target.chmod(READ_ONLY)
            return target
        path = Path(href)
        if producer_of(self.work, job_id, path) is not None:
            return _linked(path, _place(folder, f"{number:06d}", path.name))
        return self._archive_path(str(properties.get("harmonium:granule") or ""), path)

    def _archive_path(self, granule_id: str, path: Path) -> Path:
        """Where the granule's file is now, by the metadata's own rule; the path in the item is not believed."""
        try:
            file = open_local(self.catalog, granule_id, configured=self.roots)
        except (NotFoundError, OSError) as error:
            raise StageError(f"the original cannot be read: {error}") from None
        if file is None:
            raise StageError(f"the original cannot be read: {path.name} is not in the catalog any more")
        os.close(file.descriptor)
        return Path(file.path)

    def _message(self, claimed: Claimed, folder: ItemFolder, canceled: Callable[[], bool]) -> dict[str, Any]:
        """The step's operation with this item's staging location and its side inputs as local files."""
        message = json.loads(json.dumps(claimed.step.operation))
        if message.get("stagingLocation"):
            message["stagingLocation"] += f"{claimed.item.item_id}/"
        for number, url in enumerate(_palettes(message)):
            if str(url["URL"]).startswith(_REMOTE):
                target = _place(folder, f"side{number:03d}", _last_part(str(url["URL"])))
                self.fetcher.fetch(str(url["URL"]), target, canceled=canceled)
                url["URL"] = target.as_uri()
        return dict(message)


def is_data(asset: Mapping[str, Any]) -> bool:
    """Whether an asset is what a step reads, not a companion of it."""
    return "data" in (asset.get("roles") or ("data",))


def _palettes(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The colour maps of the message's variables: entries of `relatedUrls`, to be changed in place."""
    for source in message.get("sources") or ():
        for variable in source.get("variables") or ():
            for url in variable.get("relatedUrls") or ():
                if url.get("URL") and "Color Map" in (url.get("Type"), url.get("Subtype")):
                    yield url


def _place(folder: ItemFolder, subfolder: str, name: str) -> Path:
    """A path for an input under its own name, in a folder of its own, so that equal names do not meet."""
    (folder.inputs / subfolder).mkdir(exist_ok=True)
    return folder.inputs / subfolder / safe_name(name)


def _linked(path: Path, target: Path) -> Path:
    """A hard link, so that the file stays when its producer's folder is freed; a folder (Zarr) is read in place."""
    if path.is_dir():
        return path
    os.link(path, target)
    return target


def read_outputs(folder: ItemFolder) -> tuple[Output, ...]:
    """What the transformer wrote, by its catalogs: absolute paths, files made read only.

    Raises StageError for what is no STAC, and for a path outside the item's output folder.
    """
    outputs = []
    for index, catalog in enumerate(_catalogs(folder.outputs)):
        for link in _document(catalog).get("links") or ():
            if link.get("rel") == "item":
                item = _document(_inside(folder.outputs, catalog, str(link["href"])))
                outputs.append(_output(index, item, catalog, folder.outputs))
    return tuple(outputs)


def _catalogs(outdir: Path) -> list[Path]:
    listed = outdir / "batch-catalogs.json"
    if listed.exists():
        names = _document(listed)
        return [_inside(outdir, listed, str(name)) for name in names]
    return [outdir / "catalog.json"] if (outdir / "catalog.json").exists() else []


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"output document {path.name}: {error}") from None


def _inside(outdir: Path, base: Path, href: str) -> Path:
    path = Path(unquote(urlsplit(href).path)) if href.startswith("file:") else base.parent / href
    resolved = path.resolve()
    if not resolved.is_relative_to(outdir.resolve()):
        raise StageError(f"output {href!r} lies outside the item's output folder; refused")
    return resolved


def _output(index: int, item: dict[str, Any], catalog: Path, outdir: Path) -> Output:
    assets, size = {}, 0
    for key, asset in (item.get("assets") or {}).items():
        path = _inside(outdir, catalog, str(asset["href"]))
        if not path.exists():
            raise StageError(f"output {path.name} is in the catalog, but not in the folder")
        _make_read_only(path)
        assets[key] = {**asset, "href": str(path)}
        size += _size_of(path)
    if not assets:
        raise StageError(f"output item {item.get('id')} has no assets")
    return Output(index, {**item, "assets": assets, "links": []}, size)


def _make_read_only(path: Path) -> None:
    for file in _files(path):
        file.chmod(READ_ONLY)


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in _files(path))


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the outputs of a job's last step go: a bucket and the prefix of the job in it, with its slash."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, job_id: str, destination_url: str | None, staging_bucket: str) -> "Destination":
        """`public/<job>/` in the staging bucket, or `<path>/<job>/` in the user's own."""
        if not destination_url:
            return cls(staging_bucket, f"public/{job_id}/")
        bucket, _, path = destination_url.removeprefix("s3://").partition("/")
        path = path.strip("/")
        return cls(bucket, f"{path}/{job_id}/" if path else f"{job_id}/")


Put = Callable[[str, str, Path, str], None]  # bucket, key, file, media type


def publish(
    outputs: Iterable[Output], item_id: int, destination: Destination, put: Put
) -> tuple[tuple[Output, ...], tuple[Link, ...]]:
    """Put every asset into the store, then say where: outputs with s3:// hrefs, and their links in order.

    Links come to be only after everything is stored: a client never sees a part. Two outputs of one name get folders
    of their own. Raises what `put` raises.
    """
    stored, links, taken = [], [], set[str]()
    for number, output in enumerate(outputs):
        assets = {}
        for key, asset in output.stac["assets"].items():
            path = Path(asset["href"])
            name = safe_name(path.name)
            name = name if name not in taken else f"{number}/{name}"
            taken.add(name)
            base = f"{destination.prefix}{item_id}/{name}"
            for file in _files(path):
                inner = file.relative_to(path).as_posix() if path.is_dir() else ""
                media_type = str(asset.get("type") or "") if not inner else ""
                put(destination.bucket, f"{base}/{inner}" if inner else base, file, media_type or media_type_of(file))
            assets[key] = {**asset, "href": f"s3://{destination.bucket}/{base}"}
            links.append(_link(output.stac, assets[key], _size_of(path)))
        stored.append(replace(output, stac={**output.stac, "assets": assets}))
    return tuple(stored), tuple(links)


def _link(stac: Mapping[str, Any], asset: Mapping[str, Any], size: int) -> Link:
    properties = stac.get("properties") or {}
    roles = asset.get("roles") or ["data"]
    box = stac.get("bbox")
    return Link(
        href=str(asset["href"]),
        title=str(asset.get("title") or str(asset["href"]).rpartition("/")[2]),
        media_type=asset.get("type"),
        bbox=(float(box[0]), float(box[1]), float(box[2]), float(box[3])) if box and len(box) == 4 else None,
        start=_instant(properties.get("start_datetime") or properties.get("datetime")),
        end=_instant(properties.get("end_datetime") or properties.get("datetime")),
        rel="data" if is_data(asset) else str(roles[0]),
        size_bytes=size,
    )


def _instant(text: str | None) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    return None


def media_type_of(path: Path) -> str:
    """By its ending, for files whose type nobody said."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def safe_name(name: str) -> str:
    """A name as one segment of a key and of a path, in NFC. StageError for what cannot be one; repairs nothing."""
    normal = unicodedata.normalize("NFC", name)
    is_bad = normal in ("", ".", "..") or any(c in "/\\" or ord(c) < 32 or ord(c) == 127 for c in normal)
    if is_bad or len(normal.encode("utf-8", "surrogatepass")) > LONGEST_SEGMENT_BYTES:
        raise StageError(f"file name {name!r}; allowed: up to {LONGEST_SEGMENT_BYTES} bytes without slashes")
    return normal


def _last_part(href: str) -> str:
    return unquote(urlsplit(href).path.rstrip("/").rpartition("/")[2]) or "file"


def is_disk_full(error: BaseException) -> bool:
    """Whether the machine, or a quota, has no room."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
