"""Receivers that are missing, gone or late: told once, and the loop goes on."""

import errno
import logging
import socket

import pytest
from program_faces import NAMES, Listener, make_face, make_result

from realtime.errors import UserError
from realtime.outputs.programs import datagrams
from realtime.outputs.programs.datagrams import Destination
from realtime.outputs.programs.options import Address
from realtime.outputs.programs.vmc import Vmc


@pytest.fixture(autouse=True)
def heard(caplog):
    caplog.set_level(logging.INFO, "realtime")
    return caplog


@pytest.fixture
def destination(listener):
    sender = Destination("--osc", Address("127.0.0.1", listener.port))
    yield sender
    sender.close()


class Failing:
    """A socket that cannot send."""

    def __init__(self, error):
        self.error = error

    def send(self, datagram):
        raise self.error

    def close(self):
        pass


def fail(destination, error):
    destination._socket.close()
    destination._socket = Failing(error)


def test_a_host_that_does_not_exist():
    with pytest.raises(UserError, match="no-such-host") as mistake:
        Destination("--livelink", Address("no-such-host.invalid", 11111))
    assert "--livelink" in mistake.value.message
    assert "\n" not in mistake.value.message + mistake.value.remedy


@pytest.mark.parametrize("host", ["a" * 70, "..", "x" * 300])
def test_a_host_that_cannot_exist(host):
    with pytest.raises(UserError, match="not known"):
        Destination("--osc", Address(host, 39539))


def test_a_name_with_both_kinds_of_number_is_the_older(listener, monkeypatch):
    both = [
        (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", listener.port, 0, 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", listener.port)),
    ]
    monkeypatch.setattr(datagrams.socket, "getaddrinfo", lambda *arguments, **more: both)
    sender = Destination("--osc", Address("localhost", listener.port))
    sender.send(b"heard")
    sender.close()
    assert listener.rest() == [b"heard"]


def test_no_way_to_a_host(monkeypatch):
    def unreachable(self, place):
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(datagrams.socket, "socket", type("Socket", (socket.socket,), {"connect": unreachable}))
    with pytest.raises(UserError, match="network is unreachable"):
        Destination("--osc", Address("192.0.2.1", 39539))


def test_nobody_listens_and_then_somebody_does(heard):
    gone = Listener()
    gone.close()
    with Vmc(Address("127.0.0.1", gone.port), 1, NAMES) as sink:
        for _ in range(20):
            sink.write(make_result(make_face()), None)
        assert len(heard.records) == 1
        assert "nobody listens there" in heard.text
        listener = Listener(gone.port)
        sink.write(make_result(make_face()), None)
        assert len(listener.rest()) >= 2
        listener.close()


def test_a_datagram_after_a_refusal_is_not_lost():
    """The refusal is about an earlier one: the kernel tells it instead of sending."""
    gone = Listener()
    gone.close()
    sender = Destination("--osc", Address("127.0.0.1", gone.port))
    sender.send(b"nobody hears this")
    listener = Listener(gone.port)
    sender.send(b"heard")
    assert listener.rest() == [b"heard"]
    sender.close()
    listener.close()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        OSError(errno.EMSGSIZE, "Message too long"),
        PermissionError(errno.EPERM, "Operation not permitted"),  # a firewall
    ],
)
def test_errors_on_the_way_are_told_once(destination, heard, error):
    fail(destination, error)
    for _ in range(50):
        destination.send(b"x")
    assert len(heard.records) == 1
    assert error.strerror.lower() in heard.text


def test_a_network_that_is_behind_is_not_waited_for(destination, heard):
    fail(destination, BlockingIOError())
    destination.send(b"x")
    assert not heard.records


def test_after_a_quiet_time_it_is_told_again(destination, listener, heard, monkeypatch):
    monkeypatch.setattr(datagrams, "QUIET", 3)
    working = destination._socket
    for _ in range(2):
        destination._socket = Failing(OSError(errno.ENETUNREACH, "Network is unreachable"))
        destination.send(b"x")
        destination._socket = working
        for _ in range(3):
            destination.send(b"x")
    assert len(heard.records) == 2


def test_ipv6():
    try:
        listening = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        listening.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    sender = Destination("--osc", Address("::1", listening.getsockname()[1]))
    sender.send(b"six")
    listening.settimeout(2)
    assert listening.recv(10) == b"six"
    sender.close()
    listening.close()
