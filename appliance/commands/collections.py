"""`harmonium collections`: what is catalogued, with a request to try for each."""

import argparse

from appliance.assembly import prepare_home, registry_of
from appliance.commands.choices import settings_from
from appliance.database.connection import Database
from appliance.metadata import rows
from appliance.metadata.concepts import Collection
from appliance.services.match import serves


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to choose."""


def run(arguments: argparse.Namespace) -> int:
    """One paragraph per collection."""
    settings = settings_from(arguments)
    prepare_home(settings)
    database = Database(settings.catalog_path)
    registry = registry_of(settings)
    found = rows.all_collections(database)
    if not found:
        print("no collection yet; harmonium harvest DIR makes some")
    for collection in found:
        chains = [c for c in registry.chains if serves(c, collection.concept_id, collection.service_ids)]
        names = [c.name for c in chains if not c.unavailable]
        waiting = [c.name for c in chains if c.unavailable]
        variables = rows.variables_of(database, collection.concept_id, role="data")
        print(f"{collection.short_name} v{collection.version}  {collection.concept_id}")
        print(f"    {collection.kind or 'copied'}, {collection.granule_count} granules, {len(variables)} variables")
        print(f"    chains: {', '.join(names) or 'download only'}")
        if waiting:
            print(f"    not available yet: {', '.join(waiting)}")
        print(f'    try: curl -sSL -g -OJ "http://localhost:{settings.port}{_path(collection)}"')
    return 0


def _path(collection: Collection) -> str:
    box = ""
    if collection.bbox:
        _, south, _, north = collection.bbox
        middle = (south + north) / 2
        box = f"subset=lat({max(south, round(middle) - 5):g}:{min(north, round(middle) + 5):g})&"
    base = f"/{collection.concept_id}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
    return f"{base}?{box}maxResults=1"
