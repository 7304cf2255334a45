"""Small JSON messages over Unix sockets between the appliance, its forkservers and their children.

A message is four bytes of length (big-endian) and that many bytes of JSON. JSON, not pickle: what comes back from a
child that read a hostile file is data and nothing else. Standard library only, because children carry it.
"""

import json
import socket
from collections.abc import Iterator
from typing import Any

MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # nothing we say to each other comes near it; a longer one is a broken peer


class WireError(Exception):
    """The peer said something that is no message; it cannot be trusted to say anything else."""


def send(channel: socket.socket, message: dict[str, Any]) -> None:
    """Write one message; OSError when the peer is gone."""
    data = json.dumps(message, separators=(",", ":")).encode()
    channel.sendall(len(data).to_bytes(4, "big") + data)


def receive(channel: socket.socket) -> dict[str, Any] | None:
    """Read one message, waiting for it; None when the peer closed. TimeoutError when the socket's timeout passes."""
    head = _exactly(channel, 4)
    if head is None:
        return None
    body = _exactly(channel, _length(head))
    return None if body is None else json.loads(body)


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    parts = []
    while count:
        part = channel.recv(min(count, 1 << 16))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _length(head: bytes) -> int:
    length = int.from_bytes(head, "big")
    if length > MAX_MESSAGE_BYTES:
        raise WireError(f"message of {length} bytes; allowed: {MAX_MESSAGE_BYTES}")
    return length


class Inbox:
    """Messages from a socket whose reader must not block: `take` reads what has arrived, keeps what is incomplete."""

    def __init__(self, channel: socket.socket):
        self.channel = channel
        self.closed = False
        self._buffer = bytearray()

    def take(self) -> Iterator[dict[str, Any]]:
        """Call when the socket is readable. Yields the whole messages; sets `closed` when the peer is gone."""
        try:
            data = self.channel.recv(1 << 18)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
        self._buffer += data
        while len(self._buffer) >= 4:
            end = 4 + _length(bytes(self._buffer[:4]))
            if len(self._buffer) < end:
                return
            message = json.loads(bytes(self._buffer[4:end]))
            del self._buffer[:end]
            yield message
