"""The sentences that users read in jobs and their messages, with the lengths they are cut at.

Source: harmony-api 5.3, 6.2 to 6.5 (verbatim where it gives words).
"""

NO_OUTPUTS = "Service did not return any outputs."
NO_GRANULES = "No matching granules found."
QUERY_FAILED = "Failed to query CMR for granule information"
UNKNOWN_FAILURE = "WorkItem failed with an unknown error"
UNKNOWN_WARNING = "WorkItem warned with an unknown warning"
CANCELED_BY_USER = "Canceled by user."
CANCELED_BY_ADMIN = "Canceled by admin."
MESSAGE_LENGTH = 4096
JOB_FAILURE_LENGTH = 3096
REQUEST_LENGTH = 4096


def public_service_name(image: str) -> str:
    """An image without its registry host: `ghcr.io/podaac/concise:1.0` is `podaac/concise:1.0`.

    The first part is a host when it has a dot or a colon, or is localhost (the rule of container registries).
    """
    host, slash, rest = image.partition("/")
    is_host = slash and ("." in host or ":" in host or host == "localhost")
    return rest if is_host else image


def failure_text(image: str, message: str) -> str:
    """The text of a failed item in `errors`."""
    return cut(f"WorkItem failed: {public_service_name(image)}: {message}" if message else UNKNOWN_FAILURE)


def warning_text(image: str, message: str) -> str:
    """The text of a warning in `warnings`."""
    return cut(f"WorkItem warned: {public_service_name(image)}: {message}" if message else UNKNOWN_WARNING)


def too_many_errors(most: int) -> str:
    """The text of a job that failed for the number of its errors."""
    return f"Maximum allowed errors {most} exceeded. See the errors fields for more details"


def too_many_percent(most: int) -> str:
    """The text of a job that failed for the share of its errors."""
    return f"{most} percent maximum errors exceeded. See the errors fields for more details"


def final_message(errors: int, warnings: int, last_error: str | None, last_warning: str | None) -> str | None:
    """The text of a job that has ended with errors and no result, or with warnings only; None when it has neither."""
    if errors > 1:
        return (
            f"The job failed with {errors} errors and {warnings} warnings. "
            "See the errors and warnings fields of the job status page for more details."
        )
    if errors == 1:
        return last_error
    if warnings > 1:
        return (
            f"The job succeeded with {warnings} warnings. "
            "See the warnings field of the job status page for more details."
        )
    return last_warning if warnings == 1 else None


def poisoned(deaths: int) -> str:
    """The text of an item that takes the appliance down whenever it runs."""
    return f"The appliance died {deaths} times while this item was running; it is not tried again."


def over_threshold(item_id: int, threshold_ms: int) -> str:
    """The text of an item that was given up because it took too long."""
    return f"Work item {item_id} has exceeded the {threshold_ms} ms duration threshold."


def cut(text: str, *, job_text: bool = False, most: int | None = None) -> str:
    """The text, shortened to what may be stored; `...` says that something is missing."""
    most = most or (JOB_FAILURE_LENGTH if job_text else MESSAGE_LENGTH)
    return text if len(text) <= most else text[: most - 3] + "..."
