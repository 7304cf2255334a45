"""Steps and work items of jobs, and the outputs of earlier steps while they exist. Source: harmony-api 6.7."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from litestar import Request, Response, get, route

from appliance.api.byte_ranges import answer, file_pieces, file_resource
from appliance.api.given import Given
from appliance.api.guards import admin
from appliance.api.job_access import found_job, readable_steps_job, visible_job
from appliance.api.paths import base_url, query_parameters, unslashed_url
from appliance.errors import NotFoundError
from appliance.identity import Identity
from appliance.parts import Parts
from appliance.request.job_filter import StepsQuery, parse_steps_query
from appliance.request.paging import Paging, paging_links
from appliance.request.query import Parameters
from appliance.results.steps_document import MOST_OUTPUTS, ItemFiles, StepPage, steps_document
from appliance.workflow import item_rows, listing, step_rows
from appliance.workflow.records import Job, Output, WorkflowStep, WorkItem
from appliance.workflow.states import ITEM_TERMINAL, ItemStatus

MOST_INPUTS = 50


@get("/jobs/{job_id:str}/steps", sync_to_thread=True)
def job_steps(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], job_id: str
) -> dict[str, Any]:
    """The steps of a job with their items. Source: user guide, "Steps"."""
    return _document(request, parts, readable_steps_job(parts, job_id, who), "")


@get("/admin/jobs/{job_id:str}/steps", sync_to_thread=True)
def any_job_steps(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], job_id: str
) -> dict[str, Any]:
    """The same for anybody's job, for admins."""
    admin(who)
    return _document(request, parts, found_job(parts, job_id), "/admin")


@route("/jobs/{job_id:str}/items/{item_id:int}/outputs/{name:str}", http_method=["GET", "HEAD"], sync_to_thread=True)
def item_output(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], job_id: str, item_id: int, name: str
) -> Response[Any]:
    """An output of an earlier step, while its consumer has not freed it."""
    job = visible_job(parts, job_id, who)
    item = item_rows.item(parts.state, item_id)
    if item is None or item.job_id != job.job_id:
        raise NotFoundError
    for output in item_rows.outputs(parts.state, item_id):
        for asset in (output.stac.get("assets") or {}).values():
            path = _local_path(str(asset.get("href", "")))
            if path is not None and path.name == name and _is_inside(path, parts.settings.work_folder):
                return _file(request, path, str(asset.get("type") or "application/octet-stream"))
    raise NotFoundError


def _document(request: Request[Any, Any, Any], parts: Parts, job: Job, prefix: str) -> dict[str, Any]:
    given = query_parameters(request)
    asked = parse_steps_query(given)
    root = base_url(request, parts)
    filtered = bool(asked.statuses or asked.work_items)
    counts = listing.status_counts(parts.state, job.job_id)
    pages = []
    for step in step_rows.steps(parts.state, job.job_id):
        if asked.step in (None, step.step_index):
            page = _step_page(parts, step, counts, asked, given, unslashed_url(request, root))
            if page.items or not filtered:
                pages.append(page)
    return steps_document(job, pages, root)


def _step_page(
    parts: Parts,
    step: WorkflowStep,
    counts: Mapping[int, Mapping[str, int]],
    asked: StepsQuery,
    given: Parameters,
    url: str,
) -> StepPage:
    chosen = listing.ItemFilter(
        step_index=step.step_index,
        statuses=tuple(ItemStatus(s) for s in asked.statuses),
        item_ids=asked.work_items,
    )
    number = asked.pages.get(step.step_index, 1)
    items, total = listing.list_items(parts.state, step.job_id, chosen, page=number, limit=asked.limit)
    paging = Paging(number, asked.limit)
    last = paging.page_count(total)
    if number > last:  # past the end shows the last page
        paging = Paging(last, asked.limit)
        items, total = listing.list_items(parts.state, step.job_id, chosen, page=last, limit=asked.limit)
    return StepPage(
        step=step,
        statuses=counts.get(step.step_index, {}),
        items=items,
        files={item.item_id: _files(parts, item) for item in items},
        current_page=paging.page,
        last_page=last,
        total=total,
        links=_links(url, given, step.step_index, paging, total),
    )


def _links(url: str, given: Parameters, step_index: int, paging: Paging, total: int) -> list[dict[str, str]]:
    """Paging links of one step: the page parameter carries the step's number."""
    name = f"step{step_index}page"
    kept = [(key, value) for key, value in given.pairs if key.lower() != name]
    links = paging_links(url, kept, paging, total)
    return [{**link, "href": link["href"].replace("page=", f"{name}=", 1)} for link in links]


def _files(parts: Parts, item: WorkItem) -> ItemFiles:
    """Inputs always; outputs of ended items only."""
    inputs: Sequence[Output] = item_rows.inputs(parts.state, item.item_id, limit=MOST_INPUTS)
    if item.status not in ITEM_TERMINAL:
        return ItemFiles(inputs)
    count = item_rows.output_count(parts.state, item.item_id)
    return ItemFiles(inputs, item_rows.outputs(parts.state, item.item_id, limit=MOST_OUTPUTS), count)


def _local_path(href: str) -> Path | None:
    if href.startswith("file://"):
        return Path(unquote(href.removeprefix("file://")))
    return Path(href) if href.startswith("/") else None


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _file(request: Request[Any, Any, Any], path: Path, media_type: str) -> Response[Any]:
    try:
        facts = path.stat()
    except FileNotFoundError:
        raise NotFoundError from None

    @contextmanager
    def open_range(start: int, length: int) -> Iterator[Iterator[bytes]]:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            yield file_pieces(descriptor, start, length)
        finally:
            os.close(descriptor)

    return answer(request, file_resource(path.name, facts, media_type, open_range))
