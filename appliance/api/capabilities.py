"""What can be done with a collection. Source: harmony-api 8.2."""

from typing import Any

from litestar import Request, get

from appliance.api.given import Given
from appliance.api.paths import base_url, query_parameters
from appliance.errors import NotFoundError, RequestValidationError
from appliance.identity import Identity
from appliance.metadata import rows
from appliance.metadata.concepts import Collection
from appliance.parts import Parts
from appliance.request.query import Parameters
from appliance.services.capabilities import capabilities_document, parse_version


@get("/capabilities", sync_to_thread=True)
def capabilities(request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity]) -> dict[str, Any]:
    """The capabilities document of one collection, by id or short name. Source: user guide, "Capabilities"."""
    given = query_parameters(request)
    version = parse_version(given.text("version"))
    collection = _collection(parts, who, given)
    variables = rows.variables_of(parts.catalog, collection.concept_id, role="data")
    services = rows.services_by_ids(parts.catalog, list(collection.service_ids))
    root = base_url(request, parts)
    return capabilities_document(collection, variables, parts.registry.chains, services, version, root)


def _collection(parts: Parts, who: Identity, given: Parameters) -> Collection:
    concept_id, short_name = given.text("collectionId"), given.text("shortName")
    if concept_id and short_name:
        raise RequestValidationError("Must specify only one of collectionId or shortName, not both")
    if concept_id:
        found = rows.collections_by_ids(parts.catalog, [concept_id])
    elif short_name:
        found = rows.collections_by_short_name(parts.catalog, short_name)
    else:
        raise RequestValidationError("Must specify either collectionId or shortName")
    visible = [c for c in found if parts.accounts.may_read(who, c.concept_id)]
    if visible:
        return visible[0]
    access = "Please make sure the collection {} is correct and that you have access to it."
    if concept_id:
        raise NotFoundError(
            f"{concept_id} must be a CMR collection identifier, but we could not find a matching collection. "
            + access.format("ID")
        )
    raise NotFoundError(f"Unable to find collection short name {short_name} in the CMR. " + access.format("short name"))
