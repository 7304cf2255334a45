"""Tables of jobs and their work in state.db. Append only; never edit an old step.

Wide texts that never change (a step's message, a job's granule query) have tables of their own, because SQLite writes
a whole row anew when one counter of it changes. Instants are milliseconds since 1970, UTC.
"""

from typing import Any

from appliance.database.migrations import Migration


def _workflow(db: Any) -> None:
    """Jobs, steps, items, what flows between them, results, labels, and the counters that the fair claim reads."""
    db.executescript(_JOBS + _WORK + _FLOW + _RESULTS + _COUNTERS)


_JOBS = """
CREATE TABLE jobs (
    number              INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id              TEXT NOT NULL UNIQUE,
    username            TEXT NOT NULL,
    status              TEXT NOT NULL,
    submitted_status    TEXT NOT NULL,           -- what the first look shows
    is_looked_at        INTEGER NOT NULL DEFAULT 0,
    messages            TEXT NOT NULL DEFAULT '{}',
    progress            INTEGER NOT NULL DEFAULT 0,
    request_url         TEXT NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    data_expires_at     INTEGER,                 -- none with a destination URL
    expired_at          INTEGER,                 -- when the results were deleted
    service_name        TEXT NOT NULL,
    provider            TEXT NOT NULL,
    input_granule_count INTEGER NOT NULL,
    is_async            INTEGER NOT NULL,
    ignore_errors       INTEGER NOT NULL,
    destination_url     TEXT,
    original_size_bytes INTEGER NOT NULL DEFAULT 0,
    output_size_bytes   INTEGER NOT NULL DEFAULT 0,
    error_count         INTEGER NOT NULL DEFAULT 0,
    warning_count       INTEGER NOT NULL DEFAULT 0,
    link_count          INTEGER NOT NULL DEFAULT 0,  -- rel data
    resubmission_of     TEXT
) STRICT;
CREATE INDEX jobs_of_user ON jobs (username, number);
CREATE INDEX jobs_to_expire ON jobs (data_expires_at) WHERE expired_at IS NULL;
CREATE INDEX jobs_by_status ON jobs (status, updated_at);

CREATE TABLE job_collections (
    job_id        TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    collection_id TEXT NOT NULL,
    PRIMARY KEY (job_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_queries (
    job_id TEXT PRIMARY KEY REFERENCES jobs (job_id) ON DELETE CASCADE,
    query  TEXT NOT NULL
) STRICT;
"""

_WORK = """
CREATE TABLE workflow_steps (
    step_id                    INTEGER PRIMARY KEY,
    job_id                     TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    step_index                 INTEGER NOT NULL,
    service_id                 TEXT NOT NULL,
    transformer                TEXT NOT NULL,
    item_count                 INTEGER NOT NULL,
    created_count              INTEGER NOT NULL DEFAULT 0,
    successful_count           INTEGER NOT NULL DEFAULT 0,
    warning_count              INTEGER NOT NULL DEFAULT 0,
    failed_count               INTEGER NOT NULL DEFAULT 0,
    canceled_count             INTEGER NOT NULL DEFAULT 0,
    output_count               INTEGER NOT NULL DEFAULT 0,
    longest_ms                 INTEGER NOT NULL DEFAULT 0,
    progress_weight            REAL NOT NULL,
    progress                   INTEGER NOT NULL DEFAULT 0,
    has_aggregated_output      INTEGER NOT NULL,
    always_wait_for_prior_step INTEGER NOT NULL,
    is_sequential              INTEGER NOT NULL,
    is_batched                 INTEGER NOT NULL,
    max_batch_inputs           INTEGER,
    max_batch_bytes            INTEGER,
    is_fed                     INTEGER NOT NULL DEFAULT 0,  -- no further items will be made
    is_complete                INTEGER NOT NULL DEFAULT 0,
    is_last                    INTEGER NOT NULL,
    next_position              INTEGER NOT NULL DEFAULT 0,  -- batching: the first position not yet in a batch
    UNIQUE (job_id, step_index)
) STRICT;

CREATE TABLE step_operations (
    step_id   INTEGER PRIMARY KEY REFERENCES workflow_steps (step_id) ON DELETE CASCADE,
    operation TEXT NOT NULL
) STRICT;

CREATE TABLE work_items (
    item_id           INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: it names folders and keys
    job_id            TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    step_index        INTEGER NOT NULL,
    status            TEXT NOT NULL,
    sort_index        INTEGER NOT NULL,
    sub_order         TEXT NOT NULL DEFAULT '',
    awaits            INTEGER NOT NULL DEFAULT 0,  -- what must happen before it may be claimed
    is_remake         INTEGER NOT NULL DEFAULT 0,  -- it succeeded before and its output was lost
    attempt           INTEGER NOT NULL DEFAULT 0,
    retry_count       INTEGER NOT NULL DEFAULT 0,
    interrupt_count   INTEGER NOT NULL DEFAULT 0,
    open_outputs      INTEGER NOT NULL DEFAULT 0,  -- outputs that a consumer still needs
    input_size_bytes  INTEGER NOT NULL DEFAULT 0,
    output_size_bytes INTEGER NOT NULL DEFAULT 0,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    started_at        INTEGER,
    duration_ms       INTEGER,
    cursor            TEXT,
    message           TEXT,
    message_category  TEXT
) STRICT;
CREATE INDEX items_in_order ON work_items (job_id, step_index, sort_index);
CREATE INDEX ready_items ON work_items (job_id, item_id) WHERE status = 'ready' AND awaits = 0;
CREATE INDEX items_made_again ON work_items (job_id) WHERE is_remake;
CREATE INDEX active_items ON work_items (job_id, item_id) WHERE status IN ('queued', 'running');
"""

_FLOW = """
CREATE TABLE outputs (
    output_id     INTEGER PRIMARY KEY,
    item_id       INTEGER NOT NULL REFERENCES work_items (item_id) ON DELETE CASCADE,
    catalog_index INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    size_bytes    INTEGER NOT NULL,
    stac          TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX outputs_of_item ON outputs (item_id, catalog_index, position);

CREATE TABLE item_inputs (
    item_id   INTEGER NOT NULL REFERENCES work_items (item_id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    output_id INTEGER NOT NULL REFERENCES outputs (output_id) ON DELETE CASCADE,
    PRIMARY KEY (item_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX consumers_of_output ON item_inputs (output_id);

CREATE TABLE batches (
    job_id      TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    step_index  INTEGER NOT NULL,                -- of the step that consumes it
    batch_index INTEGER NOT NULL,
    first_position INTEGER NOT NULL,             -- of its members
    last_position  INTEGER NOT NULL,
    input_count INTEGER NOT NULL,
    size_bytes  INTEGER NOT NULL,
    item_id     INTEGER,                         -- none while it is open
    PRIMARY KEY (job_id, step_index, batch_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch_items (                       -- one row per position whose items are more than one, or done
    job_id      TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    step_index  INTEGER NOT NULL,
    sort_index  INTEGER NOT NULL,
    open_count  INTEGER NOT NULL,                -- items of this position that are not done
    PRIMARY KEY (job_id, step_index, sort_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch_outputs (
    job_id      TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    step_index  INTEGER NOT NULL,
    batch_index INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    output_id   INTEGER NOT NULL,
    PRIMARY KEY (job_id, step_index, batch_index, position)
) STRICT, WITHOUT ROWID;
"""

_RESULTS = """
CREATE TABLE links (
    link_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id     TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    item_id    INTEGER NOT NULL,
    rel        TEXT NOT NULL,
    href       TEXT NOT NULL,
    title      TEXT NOT NULL,
    media_type TEXT,
    west REAL, south REAL, east REAL, north REAL,
    start_at   INTEGER,
    end_at     INTEGER,
    size_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX links_of_job ON links (job_id, rel, link_id);
CREATE INDEX links_by_href ON links (href);

CREATE TABLE messages (
    message_id INTEGER PRIMARY KEY,
    job_id     TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    item_id    INTEGER NOT NULL,
    level      TEXT NOT NULL,
    url        TEXT NOT NULL,
    text       TEXT NOT NULL,
    category   TEXT
) STRICT;
CREATE INDEX messages_of_job ON messages (job_id, level, message_id);

CREATE TABLE job_labels (
    job_id TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    label  TEXT NOT NULL,
    PRIMARY KEY (job_id, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_by_label ON job_labels (label);

CREATE TABLE user_labels (
    username TEXT NOT NULL,
    label    TEXT NOT NULL,
    used_at  INTEGER NOT NULL,
    PRIMARY KEY (username, label)
) STRICT, WITHOUT ROWID;
"""

_COUNTERS = """
CREATE TABLE user_work (                         -- live jobs only; ready counts items that await nothing
    username     TEXT NOT NULL,
    job_id       TEXT NOT NULL,
    service_id   TEXT NOT NULL,
    is_async     INTEGER NOT NULL,
    is_claimable INTEGER NOT NULL,               -- the job's status lets items be handed out
    ready        INTEGER NOT NULL,
    running      INTEGER NOT NULL,               -- queued and running
    last_worked  INTEGER NOT NULL,               -- the turn at which an item of the job was last handed out
    PRIMARY KEY (username, job_id, service_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_turns (
    username    TEXT PRIMARY KEY,
    last_served INTEGER NOT NULL                 -- turns are numbered, so that a clock that jumps changes nothing
) STRICT, WITHOUT ROWID;
CREATE INDEX latest_turn ON user_turns (last_served);
"""

STATE_MIGRATIONS: list[tuple[str, Migration]] = [("0001_workflow", _workflow)]
