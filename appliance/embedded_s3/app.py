"""The edge of the embedded store: ASGI in, one operation, ASGI out, one line of log.

Which operation a request means is a table; a sub-resource that is not in it is refused (501), because a server that
overlooks `?tagging` overwrites the object with the tags. Source: object-store.md 5.1, 5.3, 5.4.
"""

import asyncio
import json
import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from appliance.embedded_s3 import buckets, objects
from appliance.embedded_s3.call import Call, Receive, Reply, Store
from appliance.embedded_s3.faults import ClientGone, S3Fault, error_body
from appliance.embedded_s3.files import is_full
from appliance.embedded_s3.request import Request, parse_request
from appliance.embedded_s3.signature import authenticate

log = logging.getLogger("harmonium.store")
READY_PATH = b"/-/ready"
SENT_PIECE_BYTES = 256 << 10
WATCHED_BYTES = 4 << 20  # answers above this look out for clients that hang up
DRAINED_BYTES, DRAIN_S = 16 << 20, 5.0
_FULL_DATABASE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method on a level, with the query parameters it must and may have."""

    method: str
    level: str
    handler: Handler
    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIST = "list-type prefix delimiter max-keys encoding-type continuation-token start-after fetch-owner marker"
_LIST_UPLOADS = "prefix delimiter max-uploads encoding-type key-marker upload-id-marker"
OPERATIONS = (
    Operation("GET", "service", buckets.list_buckets),
    Operation("HEAD", "bucket", buckets.head_bucket),
    Operation("PUT", "bucket", buckets.create_bucket),
    Operation("DELETE", "bucket", buckets.delete_bucket),
    Operation("GET", "bucket", buckets.bucket_location, _names("location")),
    Operation("GET", "bucket", buckets.bucket_versioning, _names("versioning")),
    Operation("GET", "bucket", buckets.list_uploads, _names("uploads"), _names(_LIST_UPLOADS)),
    Operation("POST", "bucket", buckets.delete_objects, _names("delete")),
    Operation("GET", "bucket", buckets.list_objects, may=_names(_LIST)),
    Operation("GET", "object", objects.list_parts, _names("uploadId"), _names("max-parts part-number-marker")),
    Operation("GET", "object", objects.get_object, may=frozenset(objects.OVERRIDES)),
    Operation("HEAD", "object", objects.get_object, may=frozenset(objects.OVERRIDES)),
    Operation("PUT", "object", objects.put_part, _names("partNumber uploadId")),
    Operation("PUT", "object", objects.put_or_copy),
    Operation("POST", "object", objects.begin_upload, _names("uploads")),
    Operation("POST", "object", objects.complete_upload, _names("uploadId")),
    Operation("DELETE", "object", objects.abort_upload, _names("uploadId")),
    Operation("DELETE", "object", objects.delete_object),
)


def operation_of(request: Request) -> Operation:
    """The operation a request means. Parameters of the signature, `x-id` (some SDKs name what they call by it) and
    `A-*` (the appliance's own, for the access log) mean nothing here.

    Raises NotImplemented (501) for any other parameter, MethodNotAllowed (405).
    """
    level = "object" if request.key else "bucket" if request.bucket else "service"
    named = {name for name, _ in request.query if not name.startswith(("X-Amz-", "A-")) and name != "x-id"}
    offered = [o for o in OPERATIONS if o.method == request.method and o.level == level]
    for operation in offered:
        if operation.must <= named <= operation.must | operation.may:
            return operation
    if named:
        raise S3Fault("NotImplemented", f"{request.method} of {level} with {', '.join(sorted(named))}")
    allowed = sorted({o.method for o in OPERATIONS if o.level == level and not o.must})
    raise S3Fault("MethodNotAllowed", f"{request.method}; allowed: {', '.join(allowed)}")


class StoreApp:
    """The ASGI application."""

    def __init__(self, store: Store):
        self._store = store

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request. Never raises for anything that a client can send."""
        if scope["type"] != "http":
            return
        if scope["raw_path"] == READY_PATH:
            await self._send_ready(send)
            return
        exchange = Exchange(self._store, scope, receive, send)
        await exchange.answer()

    async def _send_ready(self, send: Send) -> None:
        """200 when the directory and the metadata answer, else 503: the one question that needs no key. It tells the
        process too, so that the parent does not take another store on the port it wanted for its own child."""
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._store.pool, self._store.files.buckets)
            status, body = 200, f"ready {os.getpid()}\n".encode()
        except (OSError, sqlite3.Error):
            log.exception("the store's folder or its metadata does not answer")
            status, body = 503, b"not ready\n"
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Exchange:
    """One request and its answer."""

    def __init__(self, store: Store, scope: MutableMapping[str, Any], receive: Receive, send: Send):
        self._store, self._scope, self._receive, self._send = store, scope, receive, send
        self._request_id = secrets.token_hex(8).upper()
        self._began = time.perf_counter()
        self._request: Request | None = None
        self._call: Call | None = None

    async def answer(self) -> None:
        """Find the reply, send it, log it."""
        sent = 0
        try:
            reply = await self._reply()
        except ClientGone:
            self._log(499, 0)
            return
        try:
            sent = await self._send_reply(reply)
        finally:
            if reply.content is not None:
                os.close(reply.content.fd)
            self._log(reply.status, sent)

    async def _reply(self) -> Reply:
        try:
            return await self._operate()
        except S3Fault as fault:
            return self._refusal(fault)
        except (OSError, sqlite3.Error) as error:
            if (isinstance(error, OSError) and is_full(error)) or (
                getattr(error, "sqlite_errorcode", None) in _FULL_DATABASE
            ):
                log.warning("request %s: no room: %s", self._request_id, error)
                return self._refusal(S3Fault("InsufficientStorage", "the store's disk is full"))
            return self._broken()
        except ClientGone:
            raise
        except Exception:
            return self._broken()

    async def _operate(self) -> Reply:
        scope = self._scope
        method, headers = scope["method"], scope["headers"]
        request = self._request = parse_request(method, scope["raw_path"], scope["query_string"], headers)
        signed = authenticate(request, self._store.keyring, self._store.now())
        self._call = Call(self._store, request, signed, self._receive)
        operation = operation_of(request)
        signed.identity.authorise(method, request.bucket, request.key)
        return await operation.handler(self._call)

    def _broken(self) -> Reply:
        log.exception("request %s failed", self._request_id)
        return self._refusal(S3Fault("InternalError", "the store failed; its log has the reason by the request id"))

    def _refusal(self, fault: S3Fault) -> Reply:
        if fault.status == 304:
            return Reply(304, fault.headers)
        path = self._request.path if self._request else "/"
        headers = (("content-type", "application/xml"), *fault.headers)
        return Reply(fault.status, headers, error_body(fault, path, self._request_id))

    async def _send_reply(self, reply: Reply) -> int:
        headers = dict(reply.headers)
        headers["x-amz-request-id"] = self._request_id
        if reply.status not in (204, 304):
            headers.setdefault("content-length", str(len(reply.body)))
        is_unread = self._has_unread_body()
        if is_unread:
            headers["connection"] = "close"  # else the unread body would be parsed as the next request
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": pairs})
        if reply.content is not None and self._scope["method"] != "HEAD":
            return await self._send_object(reply)
        body = b"" if self._scope["method"] == "HEAD" else reply.body
        await self._send({"type": "http.response.body", "body": body, "more_body": is_unread})
        if is_unread:
            await self._drain()
            await self._send({"type": "http.response.body", "body": b""})
        return len(body)

    async def _send_object(self, reply: Reply) -> int:
        """Send the object's bytes, and stop when the client hung up. Returns how many were sent."""
        assert reply.content is not None
        loop = asyncio.get_running_loop()
        gone = loop.create_task(self._disconnected()) if reply.length > WATCHED_BYTES else None
        offset, end = reply.start, reply.start + reply.length
        try:
            while offset < end and not (gone is not None and gone.done()):
                count = min(SENT_PIECE_BYTES, end - offset)
                piece = await loop.run_in_executor(self._store.pool, os.pread, reply.content.fd, count, offset)
                if not piece:
                    raise OSError(f"object of request {self._request_id} became shorter while it was read")
                offset += len(piece)
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            if offset >= end:
                await self._send({"type": "http.response.body", "body": b""})
            return offset - reply.start
        finally:
            if gone is not None:
                gone.cancel()

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _has_unread_body(self) -> bool:
        if self._call is not None and self._call.is_body_read:
            return False
        headers = dict(self._scope["headers"])
        return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"

    async def _drain(self) -> None:
        """Take some of a refused body, so that a client which sends before it listens gets to hear the answer."""
        if any(name == b"expect" for name, _ in self._scope["headers"]):
            return
        left = DRAINED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while left > 0:
                    message = await self._receive()
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
                    left -= len(message.get("body", b""))

    def _log(self, status: int, sent: int) -> None:
        """One line. Never the query, Authorization or a token: a signed URL in a log is a credential."""
        request, call = self._request, self._call
        line = {
            "at": round(time.time(), 3),
            "method": self._scope["method"],
            "bucket": request.bucket if request else "",
            "key": request.key if request else "",
            "status": status,
            "bytes": sent or (call.received_bytes if call else 0),
            "ms": round((time.perf_counter() - self._began) * 1000, 1),
            "request_id": self._request_id,
            "access_key": call.signed.identity.access_key if call else "",
            "subject": call.signed.identity.subject if call else "",
        }
        log.info("%s", json.dumps(line, ensure_ascii=False))
