"""The collection element of a path -> the collections meant, in the order asked. Source: harmony-api 1.1, 4.7.

Pure: looking up is handed in, and answers only what the asker may read.
"""

from collections.abc import Callable, Sequence

from appliance.errors import NotFoundError
from appliance.metadata.concepts import Collection
from appliance.request.coverage import collection_names
from appliance.request.query import listed
from appliance.services.chain import ServiceChain
from appliance.services.match import serves


def resolve_collections(
    path_collection: str,
    *,
    by_ids: Callable[[list[str]], list[Collection]],
    by_short_name: Callable[[str], list[Collection]],
    chains: Sequence[ServiceChain],
) -> tuple[list[Collection], list[str]]:
    """Concept ids joined by `+` or blanks, or exactly one short name; and notes for the job's message.

    A short name that several collections have means the newest one that some chain serves, else the newest.
    Raises NotFoundError in the published words.
    """
    names = collection_names(path_collection)
    found = by_ids(names)
    if found and len(found) == len(dict.fromkeys(names)):
        return found, []
    if found:
        known = {c.concept_id for c in found}
        missing = [name for name in names if name not in known]
        plural = "collections" if len(missing) > 1 else "collection"
        raise NotFoundError(
            f"The {plural} {listed(missing)} could not be found. Ensure the {plural} ID is correct and that you have "
            "access to it."
        )
    # A short name may hold blanks and pluses of its own.
    same_name = by_short_name(path_collection.strip())
    if not same_name:
        raise NotFoundError(
            f"{path_collection} must be a collection short name or CMR collection identifier, but we could not find a "
            "matching collection. Please make sure the collection is correct and that you have access to it."
        )
    chosen = next((c for c in same_name if _is_served(c, chains)), same_name[0])
    return [chosen], _note(path_collection, chosen, len(same_name))


def _is_served(collection: Collection, chains: Sequence[ServiceChain]) -> bool:
    return any(serves(chain, collection.concept_id, collection.service_ids) for chain in chains)


def _note(name: str, chosen: Collection, count: int) -> list[str]:
    if count == 1:
        return []
    return [
        f"There were {count} collections that matched the provided short name {name}. See {chosen.concept_id} "
        f"(version {chosen.version}) for details on the selected collection. Use a collection concept id "
        "instead of a short name to request another one."
    ]
