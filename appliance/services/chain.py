"""Service chains as values: what can be done, with which steps, under which conditions.

Read from `data/services.yml` by `registry.py`, chosen by `match.py`. Dialect: Harmony's services.yml (harmony-api 4.2)
with keys of ours: `images:` at the top (image -> transformer); `only_when_named:`, `native_formats:`,
`never_drops_extent:`, `keeps_native_format:` in a chain; `kind:` in a step's conditions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a chain can do. `raw` is the block as written (the /capabilities document shows it)."""

    bbox: bool = False
    shape: bool = False
    temporal: bool = False
    variable: bool = False
    multiple_variable: bool = False
    dimension: bool = False
    concatenation: bool = False
    concatenate_by_default: bool = False
    no_default_concatenation_formats: tuple[str, ...] = ()
    reprojection: bool = False
    averaging_time: bool = False
    averaging_area: bool = False
    extend: bool = False
    default_extend_dimensions: tuple[str, ...] = ()
    output_formats: tuple[str, ...] = ()
    all_collections: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain. `operations` None: the step sees the whole operation."""

    image: str
    transformer: str | None  # None: nobody provides the image
    operations: tuple[str, ...] | None = None
    exists: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    native_formats: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()  # ours: kinds of collections (catalog.md 3) for which the step is used; () all
    always_wait_for_prior_step: bool = False
    is_sequential: bool = False
    is_batched: bool = False
    max_batch_inputs: int | None = None
    max_batch_bytes: int | None = None
    extra_args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceChain:
    """One entry of services.yml. `unavailable`: the reason it is listed but never chosen, or empty."""

    name: str
    umm_s: str | None
    capabilities: Capabilities
    steps: tuple[Step, ...]
    description: str = ""
    collections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # id -> {granule_limit, variables}
    granule_limit: int | None = None
    has_granule_limit: bool = True
    maximum_sync_granules: int | None = None
    default_sync: bool | None = None
    validate_variables: bool = True
    only_when_named: bool = False
    only_with_average: bool = False  # ours: considered only when `average` is in the request
    never_drops_extent: bool = False  # ours: not taken by best effort (statistics over another area would be wrong)
    native_formats: tuple[str, ...] = ()  # ours: its output formats are offered for these archive formats only; () all
    keeps_native_format: bool = False  # ours: unless a format is named, outputs are of the input's own kind
    associated: tuple[str, ...] = ()  # collections added by hand (environment variable <NAME>_COLLECTIONS)
    unavailable: str = ""
