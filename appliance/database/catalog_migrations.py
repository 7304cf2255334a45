"""Tables of catalog.db: records as stored, rows with search structures, files, roots. Append only: no old step changes.

Times are milliseconds since 1970, UTC. What is searched lies in short rows; documents have a table of their own.
"""

from typing import Any

from appliance.database.migrations import Migration


def _records(db: Any) -> None:
    """Documents byte for byte, collections, variables, services, grids, associations and tags.

    origin: "document" (an operator's or a catalogue's record), "files" (made from files), "shipped" (ours).
    """
    db.executescript(
        """
        CREATE TABLE documents (
            concept_id TEXT PRIMARY KEY,
            document   BLOB NOT NULL
        ) STRICT;
        CREATE TABLE collections (
            number        INTEGER PRIMARY KEY,            -- dense: the search tree is exact to 16 million
            concept_id    TEXT NOT NULL UNIQUE,
            provider      TEXT NOT NULL,
            native_id     TEXT NOT NULL,
            short_name    TEXT NOT NULL,
            version       TEXT NOT NULL,
            title         TEXT NOT NULL,
            kind          TEXT NOT NULL DEFAULT '',
            native_format TEXT NOT NULL DEFAULT '',
            west REAL, south REAL, east REAL, north REAL, -- west > east crosses the antimeridian
            start INTEGER, stop INTEGER,
            granule_count INTEGER NOT NULL DEFAULT 0,
            longest_ms    INTEGER NOT NULL DEFAULT 0,     -- of any granule, once; an upper bound
            layout        TEXT NOT NULL DEFAULT '{}',
            origin        TEXT NOT NULL,
            revision      INTEGER NOT NULL,
            revised_at    INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX collections_by_name ON collections (short_name, version);
        CREATE TABLE variables (
            concept_id TEXT PRIMARY KEY,
            provider   TEXT NOT NULL,
            native_id  TEXT NOT NULL,
            name       TEXT NOT NULL,
            full_path  TEXT NOT NULL,
            alias      TEXT NOT NULL DEFAULT '',
            long_name  TEXT NOT NULL DEFAULT '',
            type       TEXT NOT NULL DEFAULT '',
            subtype    TEXT NOT NULL DEFAULT '',
            origin     TEXT NOT NULL,
            revision   INTEGER NOT NULL,
            revised_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX variables_by_name ON variables (name);
        CREATE TABLE services (
            concept_id TEXT PRIMARY KEY,
            provider   TEXT NOT NULL,
            native_id  TEXT NOT NULL,
            name       TEXT NOT NULL,
            type       TEXT NOT NULL DEFAULT '',
            origin     TEXT NOT NULL,
            revision   INTEGER NOT NULL,
            revised_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE grids (
            concept_id TEXT PRIMARY KEY,
            provider   TEXT NOT NULL,
            native_id  TEXT NOT NULL,
            name       TEXT NOT NULL,
            origin     TEXT NOT NULL,
            revision   INTEGER NOT NULL,
            revised_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX grids_by_name ON grids (name);
        CREATE TABLE associations (
            collection_id TEXT NOT NULL,
            concept_id    TEXT NOT NULL,
            type          TEXT NOT NULL CHECK (type IN ('variable', 'service', 'grid')),
            role          TEXT NOT NULL DEFAULT '',       -- of variables: data (listed) or support (found by name)
            origin        TEXT NOT NULL CHECK (origin IN ('computed', 'hand', 'document')),
            PRIMARY KEY (collection_id, type, concept_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX associations_by_concept ON associations (concept_id);
        CREATE TABLE tags (
            tag_key     TEXT PRIMARY KEY,
            description TEXT NOT NULL DEFAULT '',
            revision    INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE tag_associations (
            collection_id TEXT NOT NULL,
            tag_key       TEXT NOT NULL REFERENCES tags (tag_key) ON DELETE CASCADE,
            data          TEXT NOT NULL DEFAULT 'null',
            revision      INTEGER NOT NULL,
            PRIMARY KEY (collection_id, tag_key)
        ) STRICT, WITHOUT ROWID;
        """
    )


def _granules(db: Any) -> None:
    """Granules with both search structures: a covering index to walk in order, and a tree over space and time.

    shelf: the collection's number, negative while the file is missing: hidden from every search at no cost.
    start of a granule without time and stop of an open one: the largest time. shape: 0 no extent, 1 one rectangle,
    2 see granule_parts. A row of the tree is one part: its id is granule id * 1024 + part.
    """
    db.executescript(
        """
        CREATE TABLE granules (
            id          INTEGER PRIMARY KEY,
            concept_id  TEXT NOT NULL UNIQUE,
            number      INTEGER NOT NULL,                 -- digits of the concept id: results are ordered by it
            collection  INTEGER NOT NULL REFERENCES collections (number),
            shelf       INTEGER NOT NULL,
            start       INTEGER NOT NULL,
            stop        INTEGER NOT NULL,
            w REAL, s REAL, e REAL, n REAL,               -- around all parts, never across the antimeridian
            shape       INTEGER NOT NULL,
            granule_ur  TEXT NOT NULL,
            name        TEXT NOT NULL,                    -- granule_ur, case folded
            producer    TEXT NOT NULL,                    -- producer granule id or file name, case folded
            file_name   TEXT NOT NULL DEFAULT '',
            media_type  TEXT NOT NULL DEFAULT '',
            size_bytes  INTEGER NOT NULL DEFAULT 0,
            data_urls   TEXT NOT NULL DEFAULT '[]',
            origin      TEXT NOT NULL,
            revision    INTEGER NOT NULL,
            revised_at  INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX granules_walk ON granules (shelf, start, number, id, stop, w, s, e, n, shape);
        CREATE INDEX granules_by_name ON granules (shelf, name);
        CREATE INDEX granules_by_producer ON granules (shelf, producer);
        CREATE TABLE granule_parts (
            granule INTEGER NOT NULL REFERENCES granules (id) ON DELETE CASCADE,
            part    INTEGER NOT NULL,
            w REAL NOT NULL, s REAL NOT NULL, e REAL NOT NULL, n REAL NOT NULL,
            kind    TEXT NOT NULL CHECK (kind IN ('box', 'polygon', 'line')),
            points  BLOB,                                 -- float64 pairs longitude, latitude
            PRIMARY KEY (granule, part)
        ) STRICT, WITHOUT ROWID;
        CREATE VIRTUAL TABLE granule_tree USING rtree (id, w, e, s, n, t0, t1, c0, c1, +granule INTEGER);
        """
    )


def _files(db: Any) -> None:
    """Files behind granules, folders that may be read, and what describing a file said beyond its record.

    A description or layout is kept once, however many granules share it.
    """
    db.executescript(
        """
        CREATE TABLE roots (
            path     TEXT PRIMARY KEY,
            added_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE files (
            id         INTEGER PRIMARY KEY,
            root       TEXT NOT NULL,
            path       TEXT NOT NULL,                     -- relative to root
            size       INTEGER NOT NULL,
            mtime_ns   INTEGER NOT NULL,
            inode      INTEGER NOT NULL,
            content_id TEXT NOT NULL,
            granule    INTEGER REFERENCES granules (id) ON DELETE SET NULL,
            role       TEXT NOT NULL DEFAULT 'data' CHECK (role IN ('data', 'browse', 'record')),
            missing    INTEGER NOT NULL DEFAULT 0,
            sidecar    TEXT NOT NULL DEFAULT '',          -- content ids of what was read beside it
            asked      TEXT NOT NULL DEFAULT ''           -- the operator's words it was described under
        ) STRICT;
        CREATE UNIQUE INDEX files_by_place ON files (root || '/' || path);
        CREATE INDEX files_by_content ON files (content_id);
        CREATE INDEX files_by_granule ON files (granule);
        CREATE TABLE descriptions (
            id       INTEGER PRIMARY KEY,
            digest   TEXT NOT NULL UNIQUE,
            document TEXT NOT NULL
        ) STRICT;
        CREATE TABLE granule_facts (
            granule     INTEGER PRIMARY KEY REFERENCES granules (id) ON DELETE CASCADE,
            collection  INTEGER NOT NULL,
            kind        TEXT NOT NULL,
            description INTEGER NOT NULL REFERENCES descriptions (id),
            layout      INTEGER NOT NULL REFERENCES descriptions (id),
            measures    BLOB NOT NULL                     -- zlib of JSON: sizes, bytes, texts for the collection
        ) STRICT;
        CREATE INDEX granule_facts_by_collection ON granule_facts (collection, description, layout);
        """
    )


CATALOG_MIGRATIONS: list[tuple[str, Migration]] = [
    ("0001_records", _records),
    ("0002_granules", _granules),
    ("0003_files", _files),
]
