"""A real embedded store in a process of its own; minio, requests signed by hand, and bytes to speak to it."""

import hashlib
import http.client
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlencode, urlsplit, urlunsplit

import pytest
from minio import Minio
from minio.credentials import Credentials
from minio.signer import sign_v4_s3

from appliance.store.child import EmbeddedStore
from appliance.store.s3 import StoreAccess
from tests.running import coverage_environment, free_port

BUCKET = "harmony-test"


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The S3 error code in the body."""
        return self.body.decode().partition("<Code>")[2].partition("</Code>")[0]


@dataclass
class Server:
    """A running store."""

    store: EmbeddedStore
    access: StoreAccess
    root: Path

    @property
    def netloc(self) -> str:
        return urlsplit(self.access.endpoint).netloc

    @property
    def minio(self) -> Minio:
        """minio's client with the root key."""
        access = self.access
        return Minio(
            endpoint=self.netloc,
            access_key=access.access_key,
            secret_key=access.secret_key,
            secure=False,
            region=access.region,
        )

    def signed(self, method: str, path: str, body: bytes = b"", headers: dict | None = None, query: str = "") -> dict:
        """The headers of a request, signed by minio's own code for the one canonical spelling of `path`."""
        digest = hashlib.sha256(body).hexdigest()
        given = {"Host": self.netloc, "x-amz-content-sha256": digest, **(headers or {})}
        now = datetime.now(UTC)
        given["x-amz-date"] = now.strftime("%Y%m%dT%H%M%SZ")
        canonical = quote(unquote_to_bytes(path), safe="/-_.~")
        url = urlsplit(urlunsplit(("http", self.netloc, canonical, query, "")))
        credentials = Credentials(self.access.access_key, self.access.secret_key)
        return sign_v4_s3(
            method=method,
            url=url,
            region="us-east-1",
            headers=given,
            credentials=credentials,
            content_sha256=given["x-amz-content-sha256"],
            date=now,
        )

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict | None = None, query: dict | None = None
    ) -> Answer:
        """One signed request on a connection of its own."""
        text = urlencode(sorted((query or {}).items()), quote_via=quote)
        signed = self.signed(method, path, body, headers, text)
        return self.send(method, f"{path}?{text}" if text else path, body, signed)

    def send(self, method: str, target: str, body: bytes = b"", headers: dict | None = None) -> Answer:
        """One request as it is given."""
        connection = http.client.HTTPConnection(self.netloc, timeout=20)
        try:
            connection.request(method, target, body or None, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.read(), {k.lower(): v for k, v in response.getheaders()})
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A plain connection."""
        host, _, port = self.netloc.partition(":")
        return socket.create_connection((host, int(port)), timeout=20)


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start stores; all of them are stopped at the end."""
    started: list[EmbeddedStore] = []

    def start(root: Path | None = None, fsync: bool = False) -> Server:
        folder = root or tmp_path_factory.mktemp("store") / "objects"
        store = EmbeddedStore(folder, port=free_port(), fsync=fsync, environment=coverage_environment())
        started.append(store)
        server = Server(store, store.start(), folder)
        if not server.minio.bucket_exists(bucket_name=BUCKET):
            server.minio.make_bucket(bucket_name=BUCKET)
        return server

    yield start
    for store in started:
        store.stop()


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Server]) -> Server:
    """One running store for a test module, with the bucket `harmony-test`."""
    return start_server()
