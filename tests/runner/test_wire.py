"""Messages over sockets, however the bytes arrive."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.runner.wire import Inbox, WireError, receive, send

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), JSON), max_size=5), st.integers(1, 50))
def test_what_is_sent_is_what_is_received_in_any_pieces(messages, piece):
    sender, whole = socket.socketpair()
    with sender, whole:
        for message in messages:
            send(sender, message)
        sender.shutdown(socket.SHUT_WR)
        sent = b"".join(iter(lambda: whole.recv(1 << 16), b""))
    writer, reader = socket.socketpair()
    with writer, reader:
        inbox, found = Inbox(reader), []
        for start in range(0, len(sent), piece):
            writer.sendall(sent[start : start + piece])
            found += inbox.take()
        assert found == messages and not inbox.closed
        writer.close()
        assert list(inbox.take()) == [] and inbox.closed


def test_a_peer_that_goes_away_in_the_middle_is_the_end(tmp_path):
    writer, reader = socket.socketpair()
    with reader:
        writer.sendall(b"\0\0\0\x10{")
        writer.close()
        assert receive(reader) is None


def test_a_length_that_no_message_has_is_refused():
    writer, reader = socket.socketpair()
    with writer, reader:
        writer.sendall(b"\xff\xff\xff\xff")
        with pytest.raises(WireError):
            receive(reader)
        writer.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(WireError):
            list(Inbox(reader).take())
