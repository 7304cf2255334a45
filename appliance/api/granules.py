"""Original granules: the file itself, with Range, to those who may read its collection. Source: decisions 2.4, 2.6."""

import mimetypes
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
    if granule is None or not parts.accounts.may_read(who, granule.collection_id):
        raise NotFoundError
    with _opened(parts, granule_id, name) as descriptor:
        facts = os.fstat(descriptor)

    @contextmanager
    def open_range(start: int, length: int) -> Iterator[Iterator[bytes]]:
        # Opened again, so that a client that never reads leaves no descriptor behind; another file by now is an error.
        with _opened(parts, granule_id, name) as descriptor:
            now = os.fstat(descriptor)
            if (now.st_ino, now.st_size, now.st_mtime_ns) != (facts.st_ino, facts.st_size, facts.st_mtime_ns):
                raise NotFoundError
            yield file_pieces(descriptor, start, length)

    known = granule.media_type if name == granule.file_name else mimetypes.guess_type(name)[0]
    return answer(request, file_resource(name, facts, known or "application/octet-stream", open_range))


@contextmanager
def _opened(parts: Parts, granule_id: str, name: str) -> Iterator[int]:
    file = open_local(parts.catalog, granule_id, name=name, configured=parts.settings.harvest_roots)
    if file is None:
        raise NotFoundError
    try:
        yield file.descriptor
    finally:
        os.close(file.descriptor)
