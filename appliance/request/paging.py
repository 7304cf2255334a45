"""`page` and `limit`, and the paging links of jobs, job status and STAC.

Pure text; which rows a page has is the listing's business. Source: harmony-api.md, section 5.2 (links, titles, errors).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from appliance.errors import RequestValidationError
from appliance.request.query import INTEGER, Parameters

MOST = 2000


@dataclass(frozen=True, slots=True)
class Paging:
    """A page, from 1, of `limit` entries; limit 0 asks for none."""

    page: int
    limit: int

    @property
    def offset(self) -> int:
        """How many entries come before this page."""
        return (self.page - 1) * self.limit

    def page_count(self, total: int) -> int:
        """How many pages `total` entries make; one when there is nothing to page."""
        return max(1, -(-total // self.limit)) if self.limit else 1


def parse_paging(given: Parameters, *, default_limit: int, most: int = MOST) -> Paging:
    """Raises RequestValidationError in the published words."""
    page = _bounded(given, "page", 1)
    if page is None:
        raise RequestValidationError('Parameter "page" is invalid. Must be an integer greater than or equal to 1.')
    limit = _bounded(given, "limit", default_limit)
    if limit is None or limit > most:
        raise RequestValidationError(
            'Parameter "limit" is invalid. Must be an integer greater than or equal to 0 and less than or equal to '
            f"{most}."
        )
    if page < 1:
        raise RequestValidationError('Parameter "page" is invalid. Must be an integer greater than or equal to 1.')
    return Paging(page, limit)


def _bounded(given: Parameters, name: str, default: int) -> int | None:
    text = given.text(name)
    if text is None:
        return default
    if not INTEGER.fullmatch(text) or int(text) < 0 or int(text) > 2**31:
        return None
    return int(text)


def paging_links(
    url: str, query: Sequence[tuple[str, str]], paging: Paging, total: int, *, media_type: str = "application/json"
) -> list[dict[str, str]]:
    """The links `first, prev, self, next, last` as far as they lead anywhere.

    url: absolute, without query; query: what the client asked, kept but for page and limit. `first` only when it is not
    also the previous page, `last` likewise; beyond the end: first, self and last only.
    """
    last = paging.page_count(total)
    page = paging.page
    wanted: list[tuple[str, str, int]] = []
    beyond = page > last
    if page > 2 or beyond:
        wanted.append(("first", "first", 1))
    if page > 1 and not beyond:
        wanted.append(("prev", "previous", page - 1))
    wanted.append(("self", "current", page))
    if page < last:
        wanted.append(("next", "next", page + 1))
    if page < last - 1 or beyond:
        wanted.append(("last", "last", last))
    if paging.limit == 0:
        wanted = [("self", "current", page)]
    numbered = paging.limit > 0 and last > 1
    return [
        {
            "title": f"The {word} page" + (f" ({number} of {last})" if numbered else ""),
            "href": page_url(url, query, number, paging.limit),
            "rel": rel,
            "type": media_type,
        }
        for rel, word, number in wanted
    ]


def page_url(url: str, query: Sequence[tuple[str, str]], page: int, limit: int) -> str:
    """The URL with all parameters kept and `page` and `limit` set."""
    kept = [(name, value) for name, value in query if name.lower() not in ("page", "limit")]
    return f"{url}?{urlencode([*kept, ('page', str(page)), ('limit', str(limit))])}"
