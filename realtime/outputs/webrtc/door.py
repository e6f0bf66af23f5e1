"""Lets connections in: not too many, and none that stays for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Door:
    """A protocol factory in front of the web server's own.

    Every answer closes its connection, so a connection is one request and one limit covers slow heads, slow
    bodies and those who never say anything (aiohttp itself waits for a request's head without end).

    Args:
        factory: makes the web server's protocols.
        most: connections open at once; more are closed at once.
        seconds: how long one may stay.
    """

    def __init__(self, factory: Callable[[], asyncio.Protocol], most: int, seconds: float) -> None:
        self._factory, self.most, self.seconds = factory, most, seconds
        self.guests: set[_Guest] = set()

    def __call__(self) -> asyncio.Protocol:
        """The protocol for one connection."""
        return _Guest(self, self._factory())

    def close(self) -> None:
        """Shows everybody out."""
        for guest in list(self.guests):
            guest.leave()


class _Guest(asyncio.Protocol):
    """Passes everything on to the web server's protocol; keeps the time."""

    def __init__(self, door: Door, inner: asyncio.Protocol) -> None:
        self._door, self._inner = door, inner
        self._transport: asyncio.BaseTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def leave(self) -> None:
        """Closes the connection without waiting for anything."""
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._door.guests.add(self)
        self._timer = asyncio.get_running_loop().call_later(self._door.seconds, self.leave)
        self._inner.connection_made(transport)
        if len(self._door.guests) > self._door.most:
            self.leave()

    def connection_lost(self, error: Exception | None) -> None:
        self._door.guests.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
