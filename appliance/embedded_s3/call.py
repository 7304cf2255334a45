"""One call at work: the request, who signed it, its body on the way in, and the reply to give.

Between the ASGI edge (`app.py`) and the operations (`buckets.py`, `objects.py`), which know neither ASGI nor sockets.
Everything that touches a disk runs in threads; at most two pieces of a body are in memory at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from appliance.embedded_s3.faults import ClientGone, S3Fault
from appliance.embedded_s3.files import Files, OpenObject
from appliance.embedded_s3.keys import Keyring
from appliance.embedded_s3.multipart import Uploads
from appliance.embedded_s3.payload import Body
from appliance.embedded_s3.request import Request
from appliance.embedded_s3.signature import Signed

PIECE_BYTES = 1 << 20
LARGEST_DOCUMENT_BYTES = 4 << 20
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Store:
    """The parts of one embedded store. `now` is the clock that signatures are judged by."""

    files: Files
    uploads: Uploads
    keyring: Keyring
    region: str
    pool: ThreadPoolExecutor
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer: a short body, or `length` bytes of an open object from `start`. The sender closes the object."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content: OpenObject | None = None
    start: int = 0
    length: int = 0


def xml_reply(body: bytes, status: int = 200) -> Reply:
    """An answer that is a document."""
    return Reply(status, (("content-type", "application/xml"),), body)


@dataclass(slots=True)
class Call:
    """A verified request. `is_body_read` and `received_bytes` tell the edge what became of the body."""

    store: Store
    request: Request
    signed: Signed
    receive: Receive
    is_body_read: bool = False
    received_bytes: int = 0

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Carry out something that blocks, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.store.pool, function, *arguments)

    async def pour(self, write: Callable[[bytes], None]) -> Body:
        """Hand the payload to `write` piece by piece, in threads, and verify it to the end.

        Raises what `payload.py` raises, and ClientGone; then whatever was written must be thrown away.
        """
        body = Body(self.request, self.signed)

        def take(data: bytes) -> None:
            for piece in body.feed(data):
                write(piece)

        await self._take_all(take)
        body.finish()
        return body

    async def document(self) -> bytes:
        """The whole of a small body, verified. Raises EntityTooLarge (400) above 4 MiB."""
        found = bytearray()

        def add(piece: bytes) -> None:
            if len(found) + len(piece) > LARGEST_DOCUMENT_BYTES:
                raise S3Fault("EntityTooLarge", f"the document is over {LARGEST_DOCUMENT_BYTES} bytes")
            found.extend(piece)

        await self.pour(add)
        return bytes(found)

    async def _take_all(self, take: Callable[[bytes], None]) -> None:
        work: asyncio.Future[None] | None = None
        pending, more = bytearray(), True
        try:
            while more:
                more = await self._more(pending)
                if len(pending) >= PIECE_BYTES or not more:
                    if work is not None:
                        await work
                    work = asyncio.ensure_future(self.run(take, bytes(pending)))
                    pending.clear()
        finally:
            if work is not None:
                await asyncio.wait([work])  # the thread may still write into the draft that is about to be closed
        if work is not None:
            work.result()

    async def _more(self, pending: bytearray) -> bool:
        message = await self.receive()
        if message["type"] != "http.request":
            raise ClientGone
        piece = message.get("body", b"")
        self.received_bytes += len(piece)
        pending.extend(piece)
        self.is_body_read = not message.get("more_body", False)
        return not self.is_body_read
