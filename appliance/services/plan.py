"""From an operation and its chain to a plan: the steps that run, sync or not, limits, preview, messages.

Pure: granule counts come in as numbers. Source: harmony-api 4.4 to 4.7, 5.6, 6.1. (The functions are below the values.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step that will run, renumbered from 1, with the message it may see."""

    step_index: int
    image: str
    transformer: str
    message: Mapping[str, Any]  # Harmony's operation (schema 0.22.0), filtered for this step; extraArgs inside
    has_aggregated_output: bool = False
    always_wait_for_prior_step: bool = False
    is_sequential: bool = False
    is_batched: bool = False
    max_batch_inputs: int | None = None
    max_batch_bytes: int | None = None
    progress_weight: float = 1.0
    expected_items: int = 0


@dataclass(frozen=True, slots=True)
class GranuleQuery:
    """What the first step looks for: plain JSON, stored with the job, so that it survives a restart."""

    collections: tuple[str, ...]
    bbox: tuple[float, float, float, float] | None = None
    point: tuple[float, float] | None = None
    shape_path: str | None = None
    start: str | None = None
    end: str | None = None
    granule_ids: tuple[str, ...] = ()
    granule_names: tuple[str, ...] = ()
    limit: int | None = None  # per collection
    only_hdf5: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything `workflow/submit` needs to make a job."""

    chain_name: str
    steps: tuple[PlannedStep, ...]
    query: GranuleQuery
    is_async: bool
    with_preview: bool
    ignore_errors: bool
    input_granule_count: int
    message: str  # notes and warnings for running and successful, joined; may be empty
    collection_ids: tuple[str, ...]
    provider: str
    request_url: str
    destination_url: str | None = None
    labels: tuple[str, ...] = ()
