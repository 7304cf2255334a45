"""Steps and work items of a job as JSON. Source: harmony-api 6.7; decisions 1.5 (lists are never null). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.results.permalinks import client_href
from appliance.workflow.records import Job, Output, WorkflowStep, WorkItem

PRIVATE = "<private file location>"
MOST_OUTPUTS = 5


@dataclass(frozen=True, slots=True)
class ItemFiles:
    """What an item read and wrote: STAC items in order, and how many outputs there are in all."""

    inputs: Sequence[Output] = ()
    outputs: Sequence[Output] = ()
    output_count: int = 0


@dataclass(frozen=True, slots=True)
class StepPage:
    """One step with one page of its items. links: paging links, empty when one page is all."""

    step: WorkflowStep
    statuses: Mapping[str, int]
    items: Sequence[WorkItem]
    files: Mapping[int, ItemFiles]
    current_page: int
    last_page: int
    total: int
    links: Sequence[Mapping[str, Any]]


def steps_document(job: Job, pages: Sequence[StepPage], root: str) -> dict[str, Any]:
    """The whole answer of /jobs/{id}/steps."""
    return {
        "jobID": job.job_id,
        "serviceName": job.service_name,
        "status": str(job.status),
        "progress": job.progress,
        "message": job.message,
        "username": job.username,
        "numInputGranules": job.input_granule_count,
        "request": job.request_url,
        "steps": [_step(page, root) for page in pages],
    }


def _step(page: StepPage, root: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "serviceID": page.step.service_id,
        "stepIndex": page.step.step_index,
        "workItemCount": page.step.item_count,
        "statuses": {status: count for status, count in page.statuses.items() if count},
        "workItems": [_item(item, page.files.get(item.item_id, ItemFiles()), root) for item in page.items],
    }
    if page.last_page > 1:
        document["paging"] = {
            "currentPage": page.current_page,
            "lastPage": page.last_page,
            "total": page.total,
            "links": list(page.links),
        }
    return document


def _item(item: WorkItem, files: ItemFiles, root: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": item.item_id,
        "status": str(item.status),
        "retryCount": item.retry_count,
        "inputFiles": [_shown(output, root) for output in files.inputs],
        "outputFiles": [_shown(output, root, item) for output in files.outputs],
    }
    if item.message:
        document["message"] = item.message
    if item.message_category:
        document["messageCategory"] = item.message_category
    skipped = files.output_count - len(files.outputs)
    if skipped > 0:
        document["warning"] = f"Not all output files are included. {skipped} of {files.output_count} were left out."
    return document


def _shown(output: Output, root: str, item: WorkItem | None = None) -> str:
    """A link that the asker can open, or the words that say there is none."""
    assets = output.stac.get("assets") or {}
    asset: Mapping[str, Any] = assets.get("data") or next(iter(assets.values()), {})
    original = (output.stac.get("properties") or {}).get("harmonium:href")
    href = str(asset.get("href", ""))
    if href.startswith("s3://") or ("://" in href and not href.startswith("file:")):
        return client_href(href, root, None, asset.get("type"))
    if item is None or item.transformer == "find_granules":
        return client_href(str(original), root, None, None) if original else PRIVATE
    name = href.rpartition("/")[2]
    return f"{root}/jobs/{item.job_id}/items/{item.item_id}/outputs/{name}" if name else PRIVATE
