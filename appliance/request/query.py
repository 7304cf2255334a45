"""Parameters of a request: case-blind names, lists, booleans, numbers, unknown names. Text only, no meaning.

Grammar of single values is elsewhere (`subset.py`, `crs.py`, `media_types.py`). Rules and words: harmony-api.md,
sections 0 and 1.3. Two families of errors: `RequestValidationError` at once, and violations of the published schema,
which are gathered and raised together (`SchemaProblems`).
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from appliance.errors import RequestValidationError, SchemaValidationError

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was asked, in the order it was asked: (name, value) pairs; names compare without regard to case."""

    pairs: tuple[tuple[str, str], ...]
    by_name: Mapping[str, tuple[str, ...]]  # lower-case name -> the values, in order

    def values(self, name: str) -> tuple[str, ...]:
        """The values as they came, or () when the parameter is absent."""
        return self.by_name.get(name.lower(), ())

    def has(self, name: str) -> bool:
        """Whether the parameter was given at all, even if empty."""
        return name.lower() in self.by_name

    def text(self, name: str) -> str | None:
        """The value; given several times they arrive comma-joined. Empty or blank: None."""
        joined = ",".join(self.values(name)).strip()
        return joined or None

    def items(self, name: str) -> tuple[str, ...]:
        """A list: repeated parameters and comma-separated values are the same. Not stripped."""
        return tuple(item for value in self.values(name) for item in value.split(","))

    def boolean(self, name: str) -> bool | None:
        """True, False, or None when absent or empty. Raises RequestValidationError for anything else."""
        found = self.text(name)
        if found is None:
            return None
        if found.lower() not in ("true", "false"):
            raise RequestValidationError(f'query parameter "{name}" must be either true or false')
        return found.lower() == "true"

    def unknown(self, allowed: Iterable[str]) -> list[str]:
        """Names that nobody knows, once each, spelled as the caller spelled them."""
        known = {name.lower() for name in allowed}
        return list(dict.fromkeys(name for name, _ in self.pairs if name.lower() not in known))


def parameters(query: Pairs, form: Pairs | None = None) -> Parameters:
    """One value from the query string and the text fields of a body.

    Raises RequestValidationError when the very same name (case counts, as upstream) stands in both.
    """
    if form:
        in_query = {name for name, _ in query}
        twice = list(dict.fromkeys(name for name, _ in form if name in in_query))
        if twice:
            raise RequestValidationError(
                f'Duplicate keys "{",".join(twice)}" found from request body and query string!'
            )
    pairs = (*query, *(form or ()))
    by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        by_name.setdefault(name.lower(), []).append(value)
    return Parameters(tuple(pairs), {name: tuple(values) for name, values in by_name.items()})


def url_with_query(url: str, pairs: Pairs) -> str:
    """The URL as a GET with everything in the query: what the job document calls its `request`."""
    return f"{url}?{urlencode(list(pairs))}" if pairs else url


def pairs_of_json(body: Any) -> list[tuple[str, str]]:
    """The fields of a JSON body as text pairs: lists repeat the name, null is absent, true and 3 are as written.

    Raises RequestValidationError when the body is no object, or a value is an object.
    """
    if not isinstance(body, Mapping):
        raise RequestValidationError(
            f"request body: found {_json_kind(body)}; allowed: a JSON object of parameters and their values"
        )
    pairs: list[tuple[str, str]] = []
    for name, value in body.items():
        entries = value if isinstance(value, list) else [value]
        for entry in entries:
            if isinstance(entry, (Mapping, list)):
                raise RequestValidationError(
                    f'request body: parameter "{name}" has {_json_kind(entry)} as a value; '
                    f"allowed: text, a number, true, false, or a list of these"
                )
            if entry is not None:
                pairs.append((str(name), _json_text(entry)))
    return pairs


def _json_kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else repr(value)


def _json_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def check_names(given: Parameters, documented: Sequence[str], silent: Sequence[str] = ()) -> None:
    """Raise RequestValidationError for names that are neither documented nor silently accepted."""
    unknown = given.unknown([*documented, *silent])
    if unknown:
        raise RequestValidationError(
            f"Invalid parameter(s): {listed(unknown)}. Allowed parameters are: {listed(documented)}."
        )


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """`a`, `a and b`, `a, b, and c`: how all messages join lists."""
    if len(words) < 3:
        return f" {conjunction} ".join(words)
    return f"{', '.join(words[:-1])}, {conjunction} {words[-1]}"


def number(text: str) -> float | None:
    """A finite decimal number, or None: no NaN, infinity, hexadecimal or underscores."""
    text = text.strip()
    if not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


class SchemaProblems:
    """Gathers violations of the published schema, to be raised together as the published API does."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, path: str, reason: str) -> None:
        """One violation; path as in `scaleExtent[3]`."""
        self.found.append(f'query parameter "{path}" {reason}')

    def raise_any(self) -> None:
        """Raise SchemaValidationError with all of them, if there are any."""
        if self.found:
            raise SchemaValidationError("\n\t".join(self.found))

    def numbers(self, given: Parameters, name: str, count: int, minimum: float | None = None) -> tuple[float, ...]:
        """`count` numbers, or () when absent or wrong (then noted). Parentheses around plain text are tolerated, and
        then a bad number is a RequestValidationError in the words of the parser that tolerates them."""
        text = given.text(name)
        if text is None:
            return ()
        bracketed = text.startswith("(") and text.endswith(")")
        parts = [part.strip() for part in (text[1:-1] if bracketed else text).split(",")]
        if len(parts) != count:
            self.add(name, f"should NOT have {'fewer' if len(parts) < count else 'more'} than {count} items")
            return ()
        values = [number(part) for part in parts]
        for i, (part, value) in enumerate(zip(parts, values, strict=True)):
            if value is None and bracketed:
                raise RequestValidationError(f"parsing query parameter '{name}', value '{part}' must be a number.")
            if value is None:
                self.add(f"{name}[{i}]", "should be number")
            elif minimum is not None and value < minimum:
                self.add(f"{name}[{i}]", f"should be >= {minimum:g}")
        return tuple(value for value in values if value is not None)

    def integer(self, given: Parameters, name: str, minimum: int) -> int | None:
        """A whole number of at least `minimum`, or None when absent or wrong (then noted)."""
        text = given.text(name)
        if text is None:
            return None
        if not INTEGER.fullmatch(text):
            self.add(name, "should be integer")
            return None
        if int(text) < minimum:
            self.add(name, f"should be >= {minimum}")
            return None
        return int(text)

    def texts(self, given: Parameters, name: str, *, blank_allowed: bool = False) -> tuple[str, ...]:
        """A list of texts, stripped. Empty ones are noted, and so are blank ones unless `blank_allowed`."""
        items = given.items(name)
        for i, item in enumerate(items):
            if not (item if blank_allowed else item.strip()):
                self.add(f"{name}[{i}]", "should NOT be shorter than 1 characters")
        return tuple(item.strip() for item in items)
