"""The records that come with the program: one UMM-S per service chain, the output grids. Put in at every start; what is
unchanged writes nothing.
"""

import time
from pathlib import Path

from appliance.database.connection import Database
from appliance.metadata.documents import Place, put_record
from appliance.metadata.record_files import read_records

PROVIDER = "HARMONIUM"


def load_shipped(db: Database, folder: Path) -> None:
    """All records below `folder`/metadata. One transaction."""
    files = sorted((folder / "metadata").rglob("*.json"))
    records = [record for path in files for record in read_records(path)]
    place = Place(provider=PROVIDER, now_ms=round(time.time() * 1000))
    with db.immediate() as connection:
        for record in records:
            put_record(connection, record, place)
