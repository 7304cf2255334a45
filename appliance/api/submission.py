"""From a typed request to a job: collections, operation, chain, plan, one transaction, bells.

The sequence that every service request shares (Coverages now, EDR and WMS with it later). Each decision is made in the
module it calls. Source: architecture.md section 3; harmony-api 1.3 (order of checks), 4.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from appliance.api.destinations import check_destination
from appliance.identity import Identity
from appliance.metadata import rows
from appliance.metadata.concepts import Collection, Variable
from appliance.operation import make_operation
from appliance.parts import Parts
from appliance.request.coverage import CoverageRequest
from appliance.services.collections import resolve_collections
from appliance.services.granule_search import granule_search
from appliance.services.match import choose_chain
from appliance.services.plan import GranuleQuery, PlanLimits, granule_query, limited_hits, make_plan, skips_search
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
    root: str,
) -> Job:
    """Make the job and wake the workers. Raises the error family; nothing is left behind then."""
    # Beside the job's work, where its steps read it; written last, so that a refused request leaves nothing.
    shape_path = parts.settings.work_folder / job_id / "shape.geojson" if request.shape is not None else None
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
    limits = plan_limits(parts)
    hits, limit_note = None, ""
    if not skips_search(match.operation):
        found = _hits(parts, granule_query(match.operation, match.chain, limits), request.shape)
        limited = limited_hits(match.operation, match.chain, found, limits)
        hits, limit_note = limited.count, limited.message
    plan = make_plan(operation, match, hits=hits, settings=limits, notes=[limit_note] if limit_note else [])
    if request.destination_url:
        check_destination(parts, request.destination_url, job_id, root)
    if shape_path:
        shape_path.parent.mkdir(parents=True, exist_ok=True)
        shape_path.write_text(json.dumps(request.shape), "utf-8")
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
        staging_url=f"s3://{settings.object_store_staging_bucket}/public",
        artifact_url=f"s3://{settings.object_store_artifact_bucket}/public",
    )


def _hits(parts: Parts, query: GranuleQuery, shape: Mapping[str, Any] | None) -> dict[str, int]:
    """Granules per collection that the request asks for."""
    return {c: rows.count_granules(parts.catalog, granule_search(query, c, shape)) for c in query.collections}
