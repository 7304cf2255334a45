"""The application: its routes, what handlers are handed, and the wrappers around it.

Order from outside: strangers (hosts, sites, CORS), encoded slashes and request ids, Litestar.
"""

from collections.abc import Sequence
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from appliance.api import (
    about,
    access,
    capabilities,
    coverages,
    granules,
    jobs,
    labels,
    login,
    pages,
    results,
    stac,
    work_items,
)
from appliance.api.guards import signed_in, visitor
from appliance.api.paths import EncodedSlashes
from appliance.api.problems import EXCEPTION_HANDLERS
from appliance.api.strangers import Strangers
from appliance.identity import Identity
from appliance.parts import Parts

MOST_FORM_PARTS = 20_000  # harmony-py sends one part per variable; Harmony's own limit of 100 breaks it

ROUTES: Sequence[Any] = (
    pages.landing,
    about.readiness,
    about.health,
    about.admin_health,
    about.versions,
    login.login_page,
    login.log_in,
    login.log_out,
    coverages.coverage,
    coverages.posted_coverage,
    *coverages.NAVIGATION,
    capabilities.capabilities,
    access.staging_bucket_policy,
    jobs.list_jobs,
    jobs.list_all_jobs,
    jobs.job_status,
    jobs.any_job_status,
    jobs.status_of_many,
    jobs.steer_job,
    jobs.steer_any_job,
    jobs.steer_many,
    work_items.job_steps,
    work_items.any_job_steps,
    work_items.item_output,
    labels.put_labels,
    labels.remove_labels,
    stac.stac_catalog,
    stac.stac_item,
    results.service_result,
    granules.original,
)


def create_app(parts: Parts) -> Any:
    """An ASGI application over these parts. Starts and stops nothing: `assembly` does."""

    def provide_parts() -> Parts:
        return parts

    async def provide_who(request: Request[Any, Any, Any]) -> Identity:
        return await signed_in(request, parts)

    async def provide_guest(request: Request[Any, Any, Any]) -> Identity:
        return await visitor(request, parts)

    litestar = Litestar(
        route_handlers=list(ROUTES),
        dependencies={
            "parts": Provide(provide_parts, sync_to_thread=False),
            "who": Provide(provide_who),
            "guest": Provide(provide_guest),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        multipart_form_part_limit=MOST_FORM_PARTS,
        request_max_body_size=parts.settings.max_upload_bytes,
        openapi_config=OpenAPIConfig(title="Harmonium", version=parts.version, render_plugins=[], path="/docs/openapi"),
        logging_config=None,
        debug=False,
    )
    return Strangers(EncodedSlashes(litestar), parts.settings, parts.accounts.is_open)
