"""Builders for steps: messages in Harmony's operation, catalogs of local files, and what came out, read back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a step left: the STAC items of its outputs in order with their files, or the error."""

    outdir: Path
    items: list[dict[str, Any]]
    error: dict[str, str] | None

    @property
    def files(self) -> list[Path]:
        return [(self.outdir / item["assets"]["data"]["href"]).resolve() for item in self.items]

    @property
    def file(self) -> Path:
        assert self.error is None, self.error
        assert len(self.items) == 1
        return self.files[0]


def message(
    *,
    bbox: Sequence[float] | None = None,
    shape: Path | None = None,
    point: Sequence[float] | None = None,
    start: str | None = None,
    end: str | None = None,
    variables: Sequence[str] = (),
    dimensions: Sequence[Mapping[str, Any]] = (),
    cut: bool | None = None,
    pixel_subset: bool | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A data operation with these subsets; `more` goes into it as it is."""
    subset: dict[str, Any] = {}
    if bbox is not None:
        subset["bbox"] = list(bbox)
    if shape is not None:
        subset["shape"] = {"href": str(shape), "type": "application/geo+json"}
    if point is not None:
        subset["point"] = list(point)
    if dimensions:
        subset["dimensions"] = [dict(d) for d in dimensions]
    made: dict[str, Any] = {
        "version": "0.22.0",
        "sources": [
            {
                "collection": "C1-LOCAL",
                "shortName": "SWATHS",
                "variables": [{"id": f"V{i}-LOCAL", "name": v, "fullPath": v} for i, v in enumerate(variables)],
            }
        ],
        "subset": subset,
        "extraArgs": {} if cut is None else {"cut": cut},
    }
    if start or end:
        made["temporal"] = {"start": start, "end": end}
    if pixel_subset is not None:
        made["pixelSubset"] = pixel_subset
    return made | more


def write_step(folder: Path, operation: Mapping[str, Any], inputs: Sequence[Path]) -> tuple[Path, Path]:
    """message.json and catalog.json with an item per input, as the appliance stages them."""
    folder.mkdir(parents=True, exist_ok=True)
    links = []
    for i, path in enumerate(inputs):
        item = {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": f"G{i}",
            "bbox": [-180, -90, 180, 90],
            "geometry": None,
            "properties": {
                "start_datetime": "2020-01-01T00:00:00Z",
                "end_datetime": "2020-01-02T00:00:00Z",
                "harmonium:collection": "C1-LOCAL",
                "harmonium:granule": f"G{i}-LOCAL",
                "harmonium:href": f"http://localhost:3000/granules/G{i}-LOCAL/{path.name}",
                "harmonium:name": path.name,
            },
            "assets": {"data": {"href": str(path), "roles": ["data"]}},
        }
        (folder / f"item{i}.json").write_text(json.dumps(item))
        links.append({"rel": "item", "href": f"./item{i}.json"})
    catalog = {"type": "Catalog", "stac_version": "1.0.0", "id": "c", "description": "", "links": links}
    (folder / "catalog.json").write_text(json.dumps(catalog))
    (folder / "message.json").write_text(json.dumps(operation))
    return folder / "message.json", folder / "catalog.json"


def outcome(outdir: Path) -> Outcome:
    """Read back what a step left, by its catalogs."""
    error = outdir / "error.json"
    if error.exists():
        return Outcome(outdir, [], json.loads(error.read_text()))
    batches = outdir / "batch-catalogs.json"
    names = json.loads(batches.read_text()) if batches.exists() else ["catalog.json"]
    items = []
    for name in names:
        for link in json.loads((outdir / name).read_text())["links"]:
            if link["rel"] == "item":
                items.append(json.loads((outdir / link["href"]).read_text()))
    return Outcome(outdir, items, None)
