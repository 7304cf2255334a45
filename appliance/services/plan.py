"""From an operation and its chain to a plan: the steps that run, sync or not, limits, preview, messages.

Pure: granule counts come in as numbers. Source: harmony-api 4.4 to 4.7, 5.6, 6.1. (The functions are below the values.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.errors import RequestValidationError
from appliance.operation import Operation, message_of, temporal_json
from appliance.services.chain import ServiceChain, Step
from appliance.services.match import Match

FIND_GRANULES = "find_granules"
FIND_WEIGHT = 0.1  # of the first step in the progress of a job; every other step weighs 1


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
    warnings: tuple[str, ...] = ()  # what will not be done though it was asked for; also part of `message`


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """What of the settings a plan depends on, and where outputs go.

    staging_url: prefix of final outputs (`s3://bucket/public`); artifact_url: of those between steps.
    """

    max_granules: int = 10_000_000
    max_sync_granules: int = 1
    preview_threshold: int = 100
    granule_page: int = 2000
    staging_url: str = "s3://harmony-staging/public"
    artifact_url: str = "s3://harmony-artifacts/public"


@dataclass(frozen=True, slots=True)
class GranuleLimit:
    """The most granules of one collection (None: no limit) and the published words for why."""

    cap: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class LimitedHits:
    """How many granules will be processed, over all collections, and the sentence about it; "" when all are."""

    count: int
    message: str


def skips_search(operation: Operation) -> bool:
    """Whether the job is made without counting first: `forceAsync=true` with granule ids (harmony-api.md, 4.5)."""
    return operation.force_async and bool(operation.granule_ids)


def granule_limit(operation: Operation, collection_id: str, chain: ServiceChain, limits: PlanLimits) -> GranuleLimit:
    """System limit, maxResults, the chain's, the collection's in this chain: each counts if strictly smaller.

    A chain without limits (`has_granule_limit: false`) is still held to the maxResults that the user asked for.
    """
    system = limits.max_granules if chain.has_granule_limit else None
    found = GranuleLimit(system, "system constraints.")
    chain_cap = chain.granule_limit if chain.has_granule_limit else None
    of_collection = chain.collections.get(collection_id, {}).get("granule_limit") if chain.has_granule_limit else None
    candidates = (
        (operation.max_results, f"you requested {operation.max_results} maxResults."),
        (chain_cap, f"the service {chain.name} is limited to {chain_cap}."),
        (of_collection, f"collection {collection_id} is limited to {of_collection} for the {chain.name} service."),
    )
    for cap, reason in candidates:
        if cap is not None and (found.cap is None or cap < found.cap):
            found = GranuleLimit(int(cap), reason)
    return found


def limited_hits(operation: Operation, chain: ServiceChain, hits: Mapping[str, int], limits: PlanLimits) -> LimitedHits:
    """Cut the hits of each collection to its limit, and all together to the system's.

    Raises RequestValidationError when nothing was found.
    """
    total = sum(hits.values())
    if total == 0:
        raise RequestValidationError("No matching granules found.")
    count, reason = 0, ""
    for collection_id, found in hits.items():
        limit = granule_limit(operation, collection_id, chain, limits)
        if limit.cap is not None and found > limit.cap:
            reason = reason or limit.reason
            found = limit.cap
        count += found
    if chain.has_granule_limit and count > limits.max_granules:
        count, reason = limits.max_granules, "system constraints."
    if not reason:
        return LimitedHits(count, "")
    return LimitedHits(
        count,
        f"CMR query identified {total} granules, but the request has been limited to process only the first {count} "
        f"granules because {reason}",
    )


def runs_async(operation: Operation, chain: ServiceChain, granule_count: int, limits: PlanLimits) -> bool:
    """The decision of harmony-api.md, section 4.6, in its order."""
    if operation.is_map:
        return False
    if operation.destination_url or operation.force_async:
        return True
    if chain.default_sync is not None:
        return not chain.default_sync
    most = limits.max_sync_granules if chain.maximum_sync_granules is None else chain.maximum_sync_granules
    return granule_count > min(limits.max_granules, most)


def make_plan(
    operation: Operation, match: Match, *, hits: int | None, settings: PlanLimits, notes: Sequence[str] = ()
) -> Plan:
    """The plan of a job.

    operation: as asked; the one resolved for the chain is in `match`. hits: granules over all collections, already
    limited (`limited_hits`), or None when nobody counted (`skips_search`): then the ids given are counted. notes:
    further sentences for the job's message, as that of `limited_hits`.
    Raises RequestValidationError when there are no granules.
    """
    resolved, chain = match.operation, match.chain
    count = len(operation.granule_ids) if hits is None else hits
    if count == 0:
        raise RequestValidationError("No matching granules found.")
    is_async = runs_async(resolved, chain, count, settings)
    sentences = [*operation.messages, *notes, *match.warnings]
    return Plan(
        chain_name=chain.name,
        steps=_planned_steps(resolved, chain, count, settings, is_async=is_async),
        query=granule_query(resolved, chain, settings),
        is_async=is_async,
        with_preview=is_async and count >= settings.preview_threshold and not resolved.skip_preview,
        ignore_errors=resolved.ignore_errors,
        input_granule_count=count,
        message=" ".join(sentences),
        collection_ids=resolved.collection_ids,
        provider=resolved.collections[0].provider if resolved.collections else "",
        request_url=resolved.request_url,
        destination_url=resolved.destination_url,
        labels=resolved.labels,
        warnings=match.warnings,
    )


def step_runs(step: Step, operation: Operation) -> bool:
    """Whether all conditions of the step hold; the operation is resolved for its chain. First collection decides."""
    if step.exists and not operation.requested.intersection(step.exists):
        return False
    if {"extend", "concatenate"} <= set(step.exists) and not operation.extend_dimensions:
        return False
    if step.formats and (operation.format or "") not in step.formats:
        return False
    first = operation.collections[0] if operation.collections else None
    if step.native_formats and (first is None or first.native_format.lower() not in step.native_formats):
        return False
    return not step.kinds or (first is not None and first.kind in step.kinds)


def is_fan_in(step: Step, operation: Operation) -> bool:
    """Whether the step waits for all outputs of the one before it."""
    concatenates = "concatenate" in (step.operations or ()) and bool(operation.concatenate)
    return step.always_wait_for_prior_step or concatenates


def concatenation_note(input_count: int, output_count: int, *, max_inputs: int | None, max_bytes: int | None) -> str:
    """How many files a concatenation became, and why not one: a sentence for the job's message."""
    files = "file" if output_count == 1 else "files"
    if output_count <= 1:
        return f"{input_count} granules were concatenated into {output_count} {files}."
    reasons = [f"{max_inputs} granules"] if max_inputs else []
    reasons += [f"{max_bytes} bytes"] if max_bytes else []
    because = f" because one batch holds at most {' or '.join(reasons)}" if reasons else ""
    return f"{input_count} granules were concatenated into {output_count} {files}{because}."


def _planned_steps(
    operation: Operation, chain: ServiceChain, count: int, settings: PlanLimits, *, is_async: bool
) -> tuple[PlannedStep, ...]:
    running = [step for step in chain.steps if step_runs(step, operation)]
    planned = []
    expected = count
    for index, step in enumerate(running, 1):
        is_last = index == len(running)
        fan_in = is_fan_in(step, operation)
        finds = step.transformer == FIND_GRANULES
        expected = 1 if fan_in else expected
        planned.append(
            PlannedStep(
                step_index=index,
                image=step.image,
                transformer=step.transformer or "",
                message=message_of(
                    operation,
                    step,
                    staging_location=_staging_location(operation, chain, settings, is_last=is_last),
                    callback="",
                    is_synchronous=not is_async,
                ),
                has_aggregated_output=fan_in,
                always_wait_for_prior_step=step.always_wait_for_prior_step,
                is_sequential=step.is_sequential,
                is_batched=step.is_batched and bool(operation.concatenate),
                max_batch_inputs=step.max_batch_inputs,
                max_batch_bytes=step.max_batch_bytes,
                progress_weight=FIND_WEIGHT if finds else 1.0,
                expected_items=-(-count // settings.granule_page) if finds else expected,
            )
        )
    return tuple(planned)


def _staging_location(operation: Operation, chain: ServiceChain, settings: PlanLimits, *, is_last: bool) -> str:
    if not is_last:
        return f"{settings.artifact_url}/{chain.name}/{operation.request_id}/"
    base = (operation.destination_url or settings.staging_url).rstrip("/")
    return f"{base}/{operation.request_id}/"


def granule_query(operation: Operation, chain: ServiceChain, limits: PlanLimits) -> GranuleQuery:
    """What the first step looks for. A box makes the point superfluous; limits that differ by collection are extra."""
    caps = {c: granule_limit(operation, c, chain, limits).cap for c in operation.collection_ids}
    known = [cap for cap in caps.values() if cap is not None]
    times = temporal_json(operation.temporal) if operation.temporal else {}
    extra: dict[str, Any] = dict(chain.steps[0].extra_args) if chain.steps else {}
    if len(set(caps.values())) > 1:
        extra["limits"] = caps
    return GranuleQuery(
        collections=operation.collection_ids,
        bbox=operation.bbox,
        point=None if operation.bbox else operation.point,
        shape_path=operation.shape_path,
        start=times.get("start"),
        end=times.get("end"),
        granule_ids=operation.granule_ids,
        granule_names=operation.granule_names,
        limit=max(known) if len(known) == len(caps) and known else None,
        extra=extra,
    )
