"""What the API said, as values the screens show. Tolerant: an absent field is empty, an unknown one is left alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the listing or alone. verbs: what the server offers now (pause, resume, cancel, skip-preview) -> URL."""

    job_id: str
    status: str
    message: str
    progress: int
    service: str
    granule_count: int
    created_at: str
    updated_at: str
    username: str
    request: str
    labels: tuple[str, ...] = ()
    verbs: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[tuple[str, str], ...] = ()  # title, URL
    messages: tuple[tuple[str, str, str], ...] = ()  # level, text, URL
    expires_at: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a job, with how many of its items are in which status."""

    index: int
    name: str
    item_count: int
    statuses: Mapping[str, int]

    @property
    def done_count(self) -> int:
        """Items that will not change any more."""
        return sum(self.statuses.get(s, 0) for s in ("successful", "warning", "failed", "canceled"))


_VERB_OF_REL = {"pauser": "pause", "resumer": "resume", "canceler": "cancel", "preview-skipper": "skip-preview"}


def read_job(document: Mapping[str, Any]) -> Job:
    """A job from its document."""
    links = [link for link in _list(document, "links") if isinstance(link, Mapping)]
    return Job(
        job_id=_text(document, "jobID"),
        status=_text(document, "status"),
        message=_text(document, "message"),
        progress=_number(document, "progress"),
        service=_text(document, "serviceName"),
        granule_count=_number(document, "numInputGranules"),
        created_at=_text(document, "createdAt"),
        updated_at=_text(document, "updatedAt"),
        username=_text(document, "username"),
        request=_text(document, "request"),
        labels=tuple(str(label) for label in _list(document, "labels")),
        verbs={
            _VERB_OF_REL[str(link.get("rel"))]: _text(link, "href") for link in links if link.get("rel") in _VERB_OF_REL
        },
        outputs=tuple((_text(link, "title"), _text(link, "href")) for link in links if link.get("rel") == "data"),
        messages=tuple(
            (level, _text(entry, "message"), _text(entry, "url"))
            for level, name in (("error", "errors"), ("warning", "warnings"))
            for entry in _list(document, name)
            if isinstance(entry, Mapping)
        ),
        expires_at=_text(document, "dataExpiration"),
    )


def read_listing(document: Mapping[str, Any]) -> tuple[list[Job], int]:
    """Jobs of one page, and how many there are in all."""
    return [read_job(j) for j in _list(document, "jobs") if isinstance(j, Mapping)], _number(document, "count")


def read_steps(document: Mapping[str, Any]) -> list[Step]:
    """Steps in order."""
    return [
        Step(
            index=_number(step, "stepIndex"),
            name=_text(step, "serviceID"),
            item_count=_number(step, "workItemCount"),
            statuses={str(k): int(v) for k, v in dict(step.get("statuses") or {}).items()},
        )
        for step in _list(document, "steps")
        if isinstance(step, Mapping)
    ]


def clock(instant: str, now: datetime) -> str:
    """An instant of the wire for a table: the time today, else the date."""
    try:
        at = datetime.fromisoformat(instant.replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        return ""
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d}"


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return "" if value is None else str(value)


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    return int(value) if isinstance(value, int | float) else 0


def _list(document: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []
