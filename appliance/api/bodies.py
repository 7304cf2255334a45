"""Bodies of coverage requests: multipart, urlencoded or JSON -> text fields and at most one shape file on disk.

Also the small JSON bodies of the other routes. Source: harmony-api 1.3 ("Body forms for POST"), 1.7. The file is
deleted when the request is done; what is kept in memory is bounded, and shorter than a shape may be.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import anyio
from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException, SerializationException
from litestar.serialization import decode_json

from appliance.errors import RequestValidationError, TooLargeError
from appliance.request.coverage import Upload
from appliance.request.query import pairs_of_json

SHAPE_PARTS = ("shapefile", "shape")
MOST_BYTES_IN_MEMORY = 32 * 1024 * 1024  # a million granule ids, and more
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """Text fields in the order sent, and the shape part if a file was given."""

    fields: list[tuple[str, str]]
    shape: Upload | None = None


@asynccontextmanager
async def read_body(request: Request[Any, Any, Any], folder: Path, largest_bytes: int) -> AsyncIterator[Body]:
    """The body of a POST. Files are written below `folder`, and gone when the block ends.

    Raises RequestValidationError for other media types and broken bodies, TooLargeError above `largest_bytes`.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > largest_bytes:
        raise TooLargeError(f"request body: {length} bytes; allowed: at most {largest_bytes}")
    if media_type == "application/json":
        raw = await bounded_body(request)
        yield Body(pairs_of_json(_decoded(raw)) if raw else [])
    elif media_type == "multipart/form-data":
        with tempfile.TemporaryDirectory(dir=folder, prefix="upload-") as scratch:
            yield await _multipart(request, Path(scratch), largest_bytes)
    elif media_type == "application/x-www-form-urlencoded":
        text = (await bounded_body(request)).decode("utf-8", "replace")
        yield Body(parse_qsl(text, keep_blank_values=True, errors="replace"))
    elif not media_type and not await bounded_body(request):
        yield Body([])
    else:
        allowed = "multipart/form-data, application/x-www-form-urlencoded, application/json"
        raise RequestValidationError(f"Content-Type: {media_type or 'none'}; allowed: {allowed}")


async def json_body(request: Request[Any, Any, Any]) -> Any:
    """The body as JSON, None when it is empty. Raises RequestValidationError, or TooLargeError above 32 MiB."""
    raw = await bounded_body(request)
    return _decoded(raw) if raw else None


async def bounded_body(request: Request[Any, Any, Any], largest_bytes: int = MOST_BYTES_IN_MEMORY) -> bytes:
    """The whole body; TooLargeError as soon as it is longer, so that nobody can fill the memory with one request."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest_bytes:
            raise TooLargeError(f"request body: more than {largest_bytes} bytes; allowed: at most that")
    return bytes(body)


def _decoded(raw: bytes) -> Any:
    try:
        return decode_json(raw)
    except (SerializationException, ValueError, RecursionError) as error:  # RecursionError: nested a thousand deep
        why = "nested too deep" if isinstance(error, RecursionError) else "not valid JSON"
        raise RequestValidationError(f"request body: {why}; allowed: a JSON object of parameters") from None


async def _multipart(request: Request[Any, Any, Any], scratch: Path, largest_bytes: int) -> Body:
    try:
        form = await request.form()
    except (HTTPException, ValueError, LookupError) as error:  # LookupError: a charset nobody knows
        raise RequestValidationError(f"request body: broken multipart form ({error})") from None
    fields: list[tuple[str, str]] = []
    shape: Upload | None = None
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            fields.append((name, str(value)))
        elif name.lower() not in SHAPE_PARTS:
            raise RequestValidationError(f'file part "{name}"; allowed: one file part "shapefile"')
        elif shape is not None:
            raise RequestValidationError('several file parts; allowed: one file part "shapefile"')
        else:
            shape = await _saved(value, scratch / "shape", largest_bytes)
    return Body(fields, shape)


async def _saved(upload: UploadFile, path: Path, largest_bytes: int) -> Upload | None:
    """The part as a file; None for the empty part that a form sends when no file was chosen."""
    written = 0
    async with await anyio.open_file(path, "wb") as file:
        while chunk := await upload.read(_CHUNK):
            written += len(chunk)
            if written > largest_bytes:
                raise TooLargeError(f"shape upload: more than {largest_bytes} bytes; allowed: at most that")
            await file.write(chunk)
    if not written and not upload.filename:
        return None
    return Upload(upload.filename or "", upload.content_type or "", path)
