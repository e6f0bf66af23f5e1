"""Who may do what, and how often; no network in here."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from realtime.outputs.webrtc.options import is_loopback

MOST_ADDRESSES = 4096  # whose offers are counted; the longest unheard is forgotten


def token_matches(expected: str | None, authorization: str | None) -> bool:
    """Whether an Authorization header carries the token; takes the same time for every wrong one."""
    if expected is None:
        return True
    scheme, _, given = (authorization or "").partition(" ")
    right = hmac.compare_digest(_digest(expected), _digest(given.strip()))
    return right and scheme.lower() == "bearer"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def host_allowed(host_header: str | None, bound_host: str) -> bool:
    """Whether a request that names this host is meant for us.

    A page of somebody else's can point its own name at 127.0.0.1 and would then count as ours ("DNS
    rebinding"), so a server on the loopback answers to loopback names only. Others have their token.
    """
    if not is_loopback(bound_host):
        return True
    try:
        return is_loopback(urlsplit(f"//{host_header or ''}").hostname or "")
    except ValueError:
        return False


def origin_allowed(origin: str | None, host_header: str | None) -> bool:
    """Whether a request comes from our own pages, or from no page at all."""
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == (host_header or "?").lower()
    except ValueError:
        return False


class Throttle:
    """Lets each address do something a few times a second (a token bucket for each).

    Args:
        rate: how often a second, in the long run.
        burst: how often at once.
        clock: seconds, monotonic.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> (left, when)

    def allows(self, address: str) -> bool:
        """Whether this address may once more; counts it if so."""
        now = self._clock()
        left, then = self._left.pop(address, (float(self._burst), now))
        left = min(float(self._burst), left + (now - then) * self._rate)
        allowed = left >= 1
        self._left[address] = (left - 1 if allowed else left, now)
        if len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        return allowed
