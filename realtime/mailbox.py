"""A short queue, usually of one item, between two threads: the newest wins, or nothing is lost."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Finished(Exception):
    """Nothing will come any more, and everything that came was taken."""


class Mailbox(Generic[T]):
    """Holds items on their way from one thread to another.

    Args:
        lossless: `put` waits until there is room. Otherwise a new item replaces the oldest that lies
            there, so that a slow reader sees fewer items but never old ones.
        capacity: how many items there is room for.
    """

    def __init__(self, lossless: bool, capacity: int = 1) -> None:
        self.dropped = 0  # items that were replaced before anybody took them
        self._lossless, self._capacity = lossless, capacity
        self._changed = threading.Condition()
        self._items: deque[T] = deque()
        self._closed = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Hands an item over. False when the mailbox is closed and the writer should stop."""
        with self._changed:
            while self._lossless and len(self._items) >= self._capacity and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            if len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self, timeout: float | None = None) -> T:
        """Waits for an item and takes it.

        Raises:
            TimeoutError: nothing came within `timeout` seconds.
            Finished: the writer closed the mailbox and nothing is left in it.
            BaseException: the error that the writer closed it with, once nothing is left.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._items or self._closed, timeout):
                raise TimeoutError
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            raise self._error or Finished

    def close(self, error: BaseException | None = None) -> None:
        """The writer's end: what lies here can still be taken, then `get` raises `error` or `Finished`."""
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
                self._changed.notify_all()

    def abort(self) -> None:
        """The reader's end: throws away what lies here and sends a waiting writer home."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()
