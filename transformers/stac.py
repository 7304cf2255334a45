"""STAC catalogs at both ends of a step: items in (`read_inputs`), items out (`write_outputs`).

Only files of this machine. Obeys STAC 1.0.0 and transformers-l3.md 0.4, transformers-l2.md 1.1 of the project's
contracts. The catalogs that clients read are the appliance's business.
"""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from transformers.contract import BoundingBox, Input, NoRetry, Output

STAC_VERSION = "1.0.0"
FILE_EXTENSION = "https://stac-extensions.github.io/file/v2.1.0/schema.json"  # file:size
CATALOG, BATCH_CATALOGS, BATCH_COUNT = "catalog.json", "batch-catalogs.json", "batch-count.txt"


def read_inputs(catalog_path: Path) -> list[Input]:
    """Inputs of every item of a catalog, its children and its further pages, in the order of their links.

    Raises NoRetry for what is no STAC, for an item without a data asset, and for an asset that is not a local file.
    """
    found: list[Input] = []
    waiting, seen = [catalog_path.resolve()], set()
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        links = _document(path).get("links") or []
        found += [_input(_local(link["href"], path)) for link in links if link.get("rel") == "item"]
        inner = [_local(link["href"], path) for link in links if link.get("rel") in ("child", "next")]
        waiting = inner + waiting
    return found


def input_of(path: Path) -> Input:
    """An input for a bare file: an item that says nothing but where it is."""
    path = path.absolute()
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "id": str(uuid4()),
        "geometry": None,
        "properties": {"datetime": None},
        "links": [],
        "assets": {"data": {"href": str(path), "title": path.name, "roles": ["data"]}},
    }
    return Input(path=path, item=item, name=path.name, href=path.name)


def write_outputs(outputs: Sequence[Output], inputs: Sequence[Input], outdir: Path) -> list[Path]:
    """Write items and catalogs beside the outputs; return the catalogs.

    One output, or none: `catalog.json`. More: `catalog0.json`, `catalog1.json`, ..., one per group, listed in
    `batch-catalogs.json` and counted in `batch-count.txt`, which are written last.
    """
    if len(outputs) < 2 and all(o.group is None for o in outputs):
        return [_write_catalog(outdir / CATALOG, outputs, inputs)]
    groups: dict[Any, list[Output]] = {}
    for i, output in enumerate(outputs):
        groups.setdefault(("own", i) if output.group is None else output.group, []).append(output)
    catalogs = [
        _write_catalog(outdir / f"catalog{i}.json", members, inputs) for i, members in enumerate(groups.values())
    ]
    (outdir / BATCH_COUNT).write_text(str(len(catalogs)), encoding="utf-8")
    _write(outdir / BATCH_CATALOGS, [c.name for c in catalogs])
    return catalogs


def geometry_of(box: BoundingBox) -> dict[str, Any]:
    """A polygon ring, or for west > east two that meet at 180 degrees (RFC 7946, section 3.1.9)."""
    rings = [
        [[p.west, p.south], [p.east, p.south], [p.east, p.north], [p.west, p.north], [p.west, p.south]]
        for p in box.parts()
    ]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings}
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoRetry(f"STAC document {path.name}: {error}") from error
    if not isinstance(document, dict):
        raise NoRetry(f"STAC document {path.name}: {type(document).__name__}; allowed: a JSON object")
    return document


def _local(href: str, base: Path) -> Path:
    """A link as a path: absolute, a `file:` URL, or relative to the document it stands in."""
    if "://" not in href and not href.startswith("file:"):
        return (base.parent / href).resolve()
    parts = urlsplit(href)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise NoRetry(f"STAC document {base.name}: link {href!r}; allowed: paths and file: URLs of this machine")
    return Path(unquote(parts.path))


def _input(path: Path) -> Input:
    item = _document(path)
    assets = item.get("assets") or {}
    with_role = [a for a in assets.values() if "data" in (a.get("roles") or ())]
    asset = with_role[0] if with_role else assets.get("data")
    if not asset or not asset.get("href"):
        raise NoRetry(f"STAC item {item.get('id', path.name)}: no asset with the role data")
    properties = item.get("properties") or {}
    local = _local(asset["href"], path)
    return Input(
        path=local,
        item=item,
        name=properties.get("harmonium:name") or local.name,
        href=properties.get("harmonium:href") or asset["href"],
        collection=properties.get("harmonium:collection") or item.get("collection"),
    )


def _write_catalog(path: Path, outputs: Sequence[Output], inputs: Sequence[Input]) -> Path:
    links: list[dict[str, str]] = [{"rel": "root", "href": f"./{path.name}", "type": "application/json"}]
    for output in outputs:
        item = _item(output, inputs, path)
        _write(path.with_name(f"{item['id']}.json"), item)
        title = output.path.name
        links.append({"rel": "item", "href": f"./{item['id']}.json", "type": "application/json", "title": title})
    catalog = {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": str(uuid4()),
        "description": "Outputs of one step",
        "links": links,
    }
    _write(path, catalog)
    return path


def _item(output: Output, inputs: Sequence[Input], catalog: Path) -> dict[str, Any]:
    source = output.source or (inputs[0] if inputs else None)
    item: dict[str, Any] = deepcopy(dict(source.item)) if source else {"type": "Feature", "properties": {}}
    properties = item.setdefault("properties", {})
    item |= {"id": str(uuid4()), "stac_version": item.get("stac_version", STAC_VERSION)}
    # The next step names its output after this file, as it would after a link to it.
    properties["harmonium:name"] = output.path.name
    if output.bbox:
        item |= {"bbox": output.bbox.as_list(), "geometry": geometry_of(output.bbox)}
    elif item.get("bbox") and not item.get("geometry"):
        item["geometry"] = geometry_of(BoundingBox(*item["bbox"]))
    item.setdefault("geometry", None)
    if output.temporal:
        properties |= {
            "datetime": None,
            "start_datetime": _iso(output.temporal.start),
            "end_datetime": _iso(output.temporal.end),
        }
    properties.setdefault("datetime", None)
    item["assets"] = {"data": _asset(output.path, output.media_type, "data", catalog)}
    for i, (path, media_type) in enumerate(output.metadata):
        item["assets"][f"metadata{i or ''}"] = _asset(path, media_type, "metadata", catalog)
    item["stac_extensions"] = list(dict.fromkeys([*(item.get("stac_extensions") or ()), FILE_EXTENSION]))
    item["links"] = [
        {"rel": rel, "href": f"./{catalog.name}", "type": "application/json"} for rel in ("root", "parent")
    ]
    return item


def _asset(path: Path, media_type: str, role: str, catalog: Path) -> dict[str, Any]:
    return {
        "href": "./" + path.resolve().relative_to(catalog.parent.resolve()).as_posix(),
        "title": path.name,
        "type": media_type,
        "roles": [role],
        "file:size": size_of(path),
    }


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder (Zarr)."""
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size


def _iso(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant else None


def _write(path: Path, document: Mapping[str, Any] | Sequence[Any]) -> None:
    """Whole or not at all: a reader never meets half a document."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    partial.replace(path)
