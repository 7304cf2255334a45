"""Original granules: the file itself, with Range, to everybody who may read its collection. Source: decisions 2.4, 2.6."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Request, Response, route

from appliance.api.byte_ranges import answer, file_pieces, file_resource
from appliance.api.given import Given
from appliance.errors import NotFoundError
from appliance.identity import Identity
from appliance.metadata import rows
from appliance.metadata.local_files import open_local
from appliance.parts import Parts


@route("/granules/{granule_id:str}/{name:str}", http_method=["GET", "HEAD"], sync_to_thread=True)
def original(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], granule_id: str, name: str
) -> Response[Any]:
    """The bytes of a granule of this machine; 404 for granules elsewhere and for what the asker may not read."""
    granule = rows.granule(parts.catalog, granule_id)
    if granule is None or granule.file_name != name or not parts.accounts.may_read(who, granule.collection_id):
        raise NotFoundError
    with open_local(parts.catalog, granule_id) as file:
        facts = os.fstat(file.descriptor)

    @contextmanager
    def open_range(start: int, length: int) -> Iterator[Iterator[bytes]]:
        # Opened again, so that a client that never reads leaves no descriptor behind; another file by now is an error.
        with open_local(parts.catalog, granule_id) as file:
            now = os.fstat(file.descriptor)
            if (now.st_ino, now.st_size, now.st_mtime_ns) != (facts.st_ino, facts.st_size, facts.st_mtime_ns):
                raise NotFoundError
            yield file_pieces(file.descriptor, start, length)

    media_type = granule.media_type or "application/octet-stream"
    return answer(request, file_resource(granule.file_name, facts, media_type, open_range))
