"""Records that come with Harmonium: one UMM-S per service chain (`data/metadata`), output grids (`data/grids.yml`).

Put into a catalog at every start and harvest; writes only what differs. Obeys the catalog's contract, "Grids".
"""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from appliance.database.connection import Database
from appliance.metadata.associate import CHAIN_PROVIDER
from appliance.metadata.collection_records import grid_record
from appliance.metadata.documents import Place, put_record
from appliance.metadata.granule_records import record_bytes
from appliance.metadata.record_files import Found, read_records
from appliance.metadata.record_rows import held, put_named
from appliance.metadata.umm import kind_of

DATA = Path(__file__).resolve().parent.parent.parent / "data"
MADE_AT = "2026-11-24T00:00:00.000Z"  # of the grid records: they change with the file, not with the day


class GridsError(Exception):
    """A grid in `grids.yml` that contradicts itself; the text names it."""


def load_shipped(db: Database, now: datetime, data: Path = DATA) -> int:
    """Put the records of `data` into the catalog; how many were written. Raises GridsError, RecordError."""
    place = Place(provider=CHAIN_PROVIDER, now_ms=int(now.timestamp() * 1000), origin="shipped")
    found = [record for path in sorted((data / "metadata").glob("**/*.json")) for record in read_records(path)]
    found += [Found(kind_of(grid), grid, record_bytes(grid)) for grid in grids(data / "grids.yml")]
    with db.immediate() as connection:
        return sum(put_record(connection, one, place).change != "unchanged" for one in found)


def ensure_services(db: Database, chains: Iterable[tuple[str, str, str]], now: datetime) -> int:
    """Stub UMM-S records for chains of another catalogue, (id, chain name, description), where the id is unknown."""
    written = 0
    with db.immediate() as connection:
        for identifier, name, description in chains:
            if held(connection, "services", identifier) is not None:
                continue
            put_named(
                connection,
                "services",
                identifier,
                record_bytes(service_record(name, description)),
                name=name,
                native_id=name,
                provider=identifier.partition("-")[2],
                origin="shipped",
                now_ms=int(now.timestamp() * 1000),
                service_type="Harmony",
            )
            written += 1
    return written


def service_record(name: str, description: str) -> dict[str, Any]:
    """A UMM-S record that says no more than that there is a chain of this name."""
    return {
        "Name": name,
        "LongName": name[:120],
        "Type": "Harmony",
        "Version": "1",
        "Description": description.strip()[:1024] or name,
        "URL": {"Description": "Harmonium", "URLValue": "https://github.com/nasa/harmony"},
        "ServiceKeywords": [
            {"ServiceCategory": "EARTH SCIENCE SERVICES", "ServiceTopic": "DATA MANAGEMENT/DATA HANDLING"}
        ],
        "ServiceOrganizations": [{"Roles": ["SERVICE PROVIDER"], "ShortName": "Harmonium"}],
        "MetadataSpecification": {
            "URL": "https://cdn.earthdata.nasa.gov/umm/service/v1.5.3",
            "Name": "UMM-S",
            "Version": "1.5.3",
        },
    }


def grids(path: Path) -> Iterator[dict[str, Any]]:
    """UMM-Grid records of a `grids.yml`. Raises GridsError when size, span and resolution do not agree to 1e-6."""
    for entry in yaml.safe_load(path.read_text("utf-8"))["grids"]:
        x, y, resolution, size = entry["x"], entry["y"], entry["resolution"], entry["size"]
        for axis, (low, high), step, count in zip("xy", (x, y), resolution, size, strict=True):
            if not math.isclose((high - low) / step, count, rel_tol=1e-6):
                raise GridsError(
                    f"{path}, grid {entry['name']}: {axis} from {low} to {high} by {step} is"
                    f" {(high - low) / step:g} cells; the size says {count}"
                )
        record = grid_record(entry["name"], entry["crs"], (x[0], y[0], x[1], y[1]), size, MADE_AT)
        if entry.get("long_name"):
            record["LongName"] = entry["long_name"]
        yield record
