"""From a typed request to a job: collections, operation, chain, plan, one transaction, bells.

The sequence that every service request shares (Coverages now, EDR and WMS with it later). Each decision is made in the
module it calls. Source: architecture.md section 3; harmony-api 1.3 (order of checks), 4.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.identity import Identity
from appliance.metadata import rows
from appliance.metadata.concepts import Collection, Variable
from appliance.operation import Operation, make_operation
from appliance.parts import Parts
from appliance.request.coverage import CoverageRequest
from appliance.services.collections import resolve_collections
from appliance.services.match import Match, choose_chain
from appliance.services.plan import PlanLimits, granule_search_of, make_plan, searches_at_submission
from appliance.workflow import submit
from appliance.workflow.records import Job


def find_collections(parts: Parts, who: Identity, path_collection: str) -> tuple[list[Collection], list[str]]:
    """The collections that the path names and the asker may read, with notes for the job message.

    Raises NotFoundError in the guide's words; what one may not read does not exist.
    """

    def readable(found: list[Collection]) -> list[Collection]:
        return [c for c in found if parts.accounts.may_read(who, c.concept_id)]

    return resolve_collections(
        path_collection,
        by_ids=lambda ids: readable(rows.collections_by_ids(parts.catalog, ids)),
        by_short_name=lambda name: readable(rows.collections_by_short_name(parts.catalog, name)),
        chains=parts.registry.chains,
    )


def submit_request(
    parts: Parts,
    who: Identity,
    request: CoverageRequest,
    collections: Sequence[Collection],
    notes: Sequence[str],
    *,
    job_id: str,
    request_url: str,
) -> Job:
    """Make the job and wake the workers. Raises the error family; nothing is left behind then."""
    shape_path = _kept_shape(parts, job_id, request.shape)
    operation = make_operation(
        request,
        collections,
        variables_of(parts, collections),
        lambda name: rows.grids_by_name(parts.catalog, name),
        request_id=job_id,
        username=who.username,
        request_url=request_url,
        messages=notes,
        shape_path=str(shape_path) if shape_path else None,
    )
    match = choose_chain(operation, parts.registry.chains)
    plan = make_plan(
        match.operation,
        match,
        hits=_hits(parts, match.operation, match),
        settings=plan_limits(parts),
    )
    job = submit.submit(parts.state, plan, job_id=job_id, username=who.username, now=parts.now(), limits=parts.limits)
    parts.ring(1)
    return job


def variables_of(parts: Parts, collections: Sequence[Collection]) -> Mapping[str, list[Variable]]:
    """All variables of each collection, coordinates included."""
    return {c.concept_id: rows.variables_of(parts.catalog, c.concept_id) for c in collections}


def plan_limits(parts: Parts) -> PlanLimits:
    """The settings that a plan depends on."""
    settings = parts.settings
    return PlanLimits(
        max_granules=settings.max_granules,
        max_sync_granules=settings.max_sync_granules,
        preview_threshold=settings.preview_threshold,
        granule_page=settings.granule_page,
        staging_bucket=settings.object_store_staging_bucket,
        artifact_bucket=settings.object_store_artifact_bucket,
    )


def _hits(parts: Parts, operation: Operation, match: Match) -> dict[str, int] | None:
    """Granules per collection that the request asks for, or None where the first step finds them out."""
    if not searches_at_submission(operation, match.chain):
        return None
    return {
        collection.concept_id: rows.count_granules(parts.catalog, granule_search_of(operation, collection.concept_id))
        for collection in operation.collections
    }


def _kept_shape(parts: Parts, job_id: str, shape: Mapping[str, object] | None) -> Path | None:
    """The shape beside the job's work, where its steps read it."""
    if shape is None:
        return None
    folder = parts.settings.work_folder / job_id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "shape.geojson"
    path.write_text(json.dumps(shape), "utf-8")
    return path
