"""Labels as clients send them: trimmed, lower case, once each, sorted. Rows of labels: `workflow/label_rows.py`.

Source: harmony-api.md, section 5.9. There is no list of forbidden words (decisions.md, section 1.15).
"""

from collections.abc import Iterable

from appliance.errors import RequestValidationError

LONGEST = 255


def parse_labels(texts: Iterable[str]) -> tuple[str, ...]:
    """Raises RequestValidationError for an empty or too long label."""
    labels = clean_labels(texts)
    check_label_lengths(labels)
    return labels


def clean_labels(texts: Iterable[str]) -> tuple[str, ...]:
    """Only the rule that no label is blank; a coverage request has its length checked later than that."""
    labels = {text.strip().lower() for text in texts}
    if "" in labels:
        raise RequestValidationError("Labels must contain at least one non-whitespace character")
    return tuple(sorted(labels))


def check_label_lengths(labels: Iterable[str]) -> None:
    """Raise RequestValidationError for a label of more than 255 characters."""
    if any(len(label) > LONGEST for label in labels):
        raise RequestValidationError(f"Labels may not exceed {LONGEST} characters in length.")
