from __future__ import annotations

import pytest

from realtime.outputs.webrtc import guard
from realtime.outputs.webrtc.guard import Throttle, host_allowed, origin_allowed, token_matches


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer right-token", True),
        ("bearer right-token", True),
        ("Bearer wrong-token", False),
        ("Bearer right-toke", False),
        ("Bearer right-token-and-more", False),
        ("Basic right-token", False),
        ("right-token", False),
        ("Bearer \udcff", False),
        ("", False),
        (None, False),
    ],
)
def test_tokens(header, expected):
    assert token_matches("right-token", header) is expected


def test_tokens_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(guard.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    assert not token_matches("right-token", "Bearer w")
    assert token_matches("right-token", "Bearer right-token")
    assert [len(a) == len(b) == 32 for a, b in compared] == [True, True]


def test_without_a_token_all_are_let_in():
    assert token_matches(None, None)


@pytest.mark.parametrize(
    ("host", "bound", "expected"),
    [
        ("127.0.0.1:8080", "127.0.0.1", True),
        ("localhost:8080", "127.0.0.1", True),
        ("[::1]:8080", "::1", True),
        ("evil.example:8080", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        (None, "127.0.0.1", False),
        ("[broken", "127.0.0.1", False),
        ("camera.local", "0.0.0.0", True),
    ],
)
def test_hosts(host, bound, expected):
    assert host_allowed(host, bound) is expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, True),
        ("http://127.0.0.1:8080", True),
        ("http://127.0.0.1:9090", False),
        ("https://evil.example", False),
        ("null", False),
        ("http://[broken", False),
    ],
)
def test_origins(origin, expected):
    assert origin_allowed(origin, "127.0.0.1:8080") is expected


def test_throttle_lets_a_burst_and_then_a_rate():
    now = [0.0]
    throttle = Throttle(2.0, 3, lambda: now[0])
    assert [throttle.allows("a") for _ in range(4)] == [True, True, True, False]
    assert throttle.allows("b")
    now[0] = 0.5
    assert [throttle.allows("a") for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [throttle.allows("a") for _ in range(4)] == [True, True, True, False]


def test_throttle_does_not_grow_for_ever():
    throttle = Throttle(1.0, 1)
    for number in range(guard.MOST_ADDRESSES + 100):
        throttle.allows(str(number))
    assert len(throttle._left) == guard.MOST_ADDRESSES
