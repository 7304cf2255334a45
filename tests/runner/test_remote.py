"""Fetching from a small real HTTP server: what is refused, what is followed, who learns which credentials."""

import base64
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from appliance.errors import SettingsError
from appliance.runner.remote import Canceled, Fetcher, RemoteError, credentials
from appliance.runner.remote_hosts import RemoteHost, RemoteHosts, load_remote_hosts

BODY = bytes(range(256)) * 400


class Archive(BaseHTTPRequestHandler):
    """Answers by path; remembers what it was told."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization"), self.headers.get("Cookie")))
        getattr(self, self.path.split("?")[0].strip("/").replace("-", "_"))()

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def granule(self):
        self.answer(200, BODY)

    def missing(self):
        self.answer(404, b"gone")

    def busy(self):
        self.answer(503, b"later")

    def truncated(self):
        self.answer(200, BODY[:1000], Content_Length=str(len(BODY)))
        self.close_connection = True

    def trickle(self):
        self.answer(200, b"x", Content_Length="1000000")
        try:
            for _ in range(200):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            pass
        self.close_connection = True

    def silent(self):
        time.sleep(2)
        self.close_connection = True

    def announce_much(self):
        self.answer(200, BODY, Content_Length=str(10**12))
        self.close_connection = True

    def send_much(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(BODY), BODY))
        except OSError:
            pass
        self.close_connection = True

    def moved(self):
        self.answer(302, Location=self.server.leads_to, Set_Cookie="session=secret")

    def in_circles(self):
        self.answer(302, Location="/in-circles")

    def to_a_file(self):
        self.answer(302, Location="file:///etc/passwd")

    def to_nowhere(self):
        self.answer(302, Location="http://[broken")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    servers = []

    def make(leads_to=""):
        one = ThreadingHTTPServer(("127.0.0.1", 0), Archive)
        one.daemon_threads = True
        one.seen, one.leads_to = [], leads_to
        one.name = f"127.0.0.1:{one.server_port}"
        one.url = f"http://{one.name}"
        threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(one)
        return one

    yield make
    for one in servers:
        one.shutdown()
        one.server_close()


def fetcher(*entries):
    return Fetcher(RemoteHosts(entries))


def test_a_file_of_a_listed_host_arrives_whole(server, tmp_path):
    archive = server()
    size = fetcher(RemoteHost(name=archive.name)).fetch(f"{archive.url}/granule", tmp_path / "g.nc")
    assert (tmp_path / "g.nc").read_bytes() == BODY and size == len(BODY)
    assert archive.seen == [("/granule", None, None)]


def test_an_unlisted_host_is_refused_by_name_and_never_spoken_to(server, tmp_path):
    archive, other = server(), server()
    with pytest.raises(RemoteError, match=f"{archive.name}.*not listed; allowed: {other.name}") as refused:
        fetcher(RemoteHost(name=other.name)).fetch(f"{archive.url}/granule", tmp_path / "g.nc")
    assert not refused.value.retryable and archive.seen == []


@pytest.mark.parametrize(
    "href", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/etc/passwd", "http://[broken", "data:,x"]
)
def test_other_kinds_of_links_are_refused(href, tmp_path):
    with pytest.raises(RemoteError):
        fetcher(RemoteHost(name="127.0.0.1")).fetch(href, tmp_path / "g.nc")


def test_a_listed_name_does_not_cover_other_ports(server, tmp_path):
    archive = server()
    with pytest.raises(RemoteError, match="not listed"):
        fetcher(RemoteHost(name="127.0.0.1")).fetch(f"{archive.url}/granule", tmp_path / "g.nc")


@pytest.mark.parametrize(
    ("path", "words", "retryable"),
    [("missing", "404 Not Found", False), ("busy", "503", True), ("truncated", "without sending complete", True)],
)
def test_an_answer_that_is_no_file_fails_and_leaves_nothing(server, tmp_path, path, words, retryable):
    archive = server()
    with pytest.raises(RemoteError, match=words) as failed:
        fetcher(RemoteHost(name=archive.name)).fetch(f"{archive.url}/{path}", tmp_path / "g.nc")
    assert failed.value.retryable is retryable
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["trickle", "silent"])
def test_a_slow_host_meets_the_time_limit(server, tmp_path, path):
    archive = server()
    with pytest.raises(RemoteError, match=r"not complete after 0\.3 s|does not answer in time") as failed:
        fetcher(RemoteHost(name=archive.name, timeout_s=0.3)).fetch(f"{archive.url}/{path}", tmp_path / "g.nc")
    assert failed.value.retryable and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["announce-much", "send-much"])
def test_a_file_over_the_size_limit_is_not_taken(server, tmp_path, path):
    archive = server()
    with pytest.raises(RemoteError, match="allowed: 1000000") as failed:
        fetcher(RemoteHost(name=archive.name, max_bytes=10**6)).fetch(f"{archive.url}/{path}", tmp_path / "g.nc")
    assert not failed.value.retryable and list(tmp_path.iterdir()) == []


def test_a_canceled_fetch_stops(server, tmp_path):
    archive = server()
    with pytest.raises(Canceled):
        fetcher(RemoteHost(name=archive.name)).fetch(f"{archive.url}/trickle", tmp_path / "g.nc", canceled=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_nobody_there_is_worth_another_try(server, tmp_path):
    archive = server()
    archive.shutdown()
    archive.server_close()
    with pytest.raises(RemoteError) as failed:
        fetcher(RemoteHost(name=archive.name)).fetch(f"{archive.url}/granule", tmp_path / "g.nc")
    assert failed.value.retryable


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"user": "ada", "password": "pässword"}, "Basic " + base64.b64encode("ada:pässword".encode()).decode()),
    ],
)
def test_credentials_reach_their_own_host(server, tmp_path, entry, expected):
    archive = server()
    fetcher(RemoteHost(name=archive.name, **entry)).fetch(f"{archive.url}/granule", tmp_path / "g.nc")
    assert archive.seen[0][1] == expected


def test_a_redirect_to_another_listed_host_carries_that_hosts_credentials_only(server, tmp_path):
    behind = server()
    front = server(leads_to=f"{behind.url}/granule?signature=abc")
    hosts = [RemoteHost(name=front.name, token="front"), RemoteHost(name=behind.name, token="behind")]
    fetcher(*hosts).fetch(f"{front.url}/moved", tmp_path / "g.nc")
    assert (tmp_path / "g.nc").read_bytes() == BODY
    assert front.seen[0][1] == "Bearer front"
    assert behind.seen[0][:2] == ("/granule?signature=abc", "Bearer behind")


def test_a_redirect_to_an_unlisted_host_is_refused_without_speaking_to_it(server, tmp_path):
    behind = server()
    front = server(leads_to=f"{behind.url}/granule?signature=abc")
    with pytest.raises(RemoteError, match=f"{behind.name}/granule, whose host is not listed") as refused:
        fetcher(RemoteHost(name=front.name, token="front")).fetch(f"{front.url}/moved", tmp_path / "g.nc")
    assert behind.seen == [] and "abc" not in str(refused.value) and not refused.value.retryable


def test_a_public_redirect_never_reaches_an_address_of_this_network(server, tmp_path):
    behind = server()
    for place in (behind.url, f"http://localhost:{behind.server_port}"):
        front = server(leads_to=f"{place}/granule")
        entry = RemoteHost(name=front.name, token="front", redirects="public")
        with pytest.raises(RemoteError, match="not public; refused"):
            fetcher(entry).fetch(f"{front.url}/moved", tmp_path / "g.nc")
    assert behind.seen == []


@pytest.mark.parametrize("path", ["in-circles", "to-a-file", "to-nowhere"])
def test_strange_redirects_are_refused(server, tmp_path, path):
    archive = server()
    with pytest.raises(RemoteError) as refused:
        fetcher(RemoteHost(name=archive.name, redirects="public")).fetch(f"{archive.url}/{path}", tmp_path / "g.nc")
    assert not refused.value.retryable and len(archive.seen) <= 10


def test_credentials_are_not_sent_over_plain_http_to_other_machines():
    entry = RemoteHost(name="data.example.org", token="secret")
    assert credentials(entry, urlsplit("http://data.example.org/x")) == {}
    assert credentials(entry, urlsplit("https://data.example.org/x")) == {"Authorization": "Bearer secret"}
    willing = RemoteHost(name="data.example.org", token="secret", plain_http=True)
    assert credentials(willing, urlsplit("http://data.example.org/x")) == {"Authorization": "Bearer secret"}


def test_an_s3_link_is_signed_for_its_own_endpoint(server, tmp_path):
    archive = server()
    entry = RemoteHost(name="s3://bucket", endpoint=archive.url, access_key="k", secret_key="s")

    def sign(one, bucket, key):
        assert (one, bucket, key) == (entry, "bucket", "granule")
        return f"{one.endpoint}/{key}?X-Amz-Signature=abc"

    one = Fetcher(RemoteHosts([entry]), sign_s3=sign)
    assert one.fetch("s3://bucket/granule", tmp_path / "g.nc") == len(BODY)
    with pytest.raises(RemoteError, match="s3://other/granule: its host is not listed"):
        one.fetch("s3://other/granule", tmp_path / "g.nc")


def test_the_file_of_credentials_is_read_and_kept_secret(tmp_path):
    secret, file = tmp_path / "token", tmp_path / "remotes.toml"
    secret.write_text("t0ken\n")
    (tmp_path / "netrc").write_text("machine data.example.org login ada password s3cret\n")
    file.write_text(
        f'["a.example.org"]\ntoken_file = "{secret}"\nredirects = "public"\n'
        f'["data.example.org:8443"]\nnetrc = "{tmp_path / "netrc"}"\ntimeout_s = 5\n'
    )
    file.chmod(0o600)
    hosts = load_remote_hosts(["A.example.org", "data.example.org:8443", "plain.example.org"], file)
    first = hosts.find(urlsplit("https://A.Example.org/x"))
    assert (first.token, first.redirects) == ("t0ken", "public")
    second = hosts.find(urlsplit("https://data.example.org:8443/x"))
    assert (second.user, second.password, second.timeout_s) == ("ada", "s3cret", 5)
    assert hosts.find(urlsplit("https://plain.example.org/x")).token == ""
    assert hosts.find(urlsplit("https://data.example.org/x")) is None
    assert "t0ken" not in repr(first) and "s3cret" not in repr(second)


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ('["b.example.org"]\n', 0o600, "not in remote_hosts; allowed: a.example.org"),
        ('["a.example.org"]\ntokn = "x"\n', 0o600, "no key 'tokn'"),
        ('["a.example.org"]\ntoken = 3\n', 0o600, "token = 3; allowed: str"),
        ('["a.example.org"]\nredirects = "all"\n', 0o600, "allowed: listed, public"),
        ('["a.example.org"]\ntoken = "x"\n', 0o644, "chmod 600"),
        ('["a.example.org"]\ntoken_file = "/no/such"\n', 0o600, "No such file"),
        ("not toml", 0o600, "remotes.toml"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(tmp_path, text, mode, words):
    file = tmp_path / "remotes.toml"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(SettingsError, match=words):
        load_remote_hosts(["a.example.org"], file)
