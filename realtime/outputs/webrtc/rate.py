"""How much to send: from what the viewers report to one bit rate for nearly all of them."""

from __future__ import annotations

from dataclasses import dataclass

FLOOR = 250_000  # bits per second: below this the picture is of no use
LOW_SHARE = 0.25  # what the low stream gets of the highest bit rate
GOOD_LOSS, BAD_LOSS = 0.02, 0.10  # shares of lost packets below which we dare more, above which we send less
# A receiver's estimate begins at about what it gets and grows to 1.5 times of that; too much, and it falls to 0.85.
LIMITED = 0.95  # times what is sent: an estimate below it is a limit ...
ROOM = 1.2  # ... until one is so many times above it
GROWTH = 1.08  # per second of good reports, of which some send one and others ten
OLD = 10.0  # seconds after which an estimate says nothing any more
POOR = 0.6  # a viewer that cannot take this share of the common rate is sent the low stream ...
POOR_SECONDS = 3.0  # ... after so long,
PROBATION = 30.0  # and may try the common one again after so long; doubled with each failure
LONGEST_PROBATION = 480.0
STEP = 0.15  # changes smaller than this share are not worth a new keyframe
RISE_SECONDS = 4.0  # between two rises


@dataclass
class _Viewer:
    capacity: float  # bits per second that it can take, as far as we know
    heard: float  # when the last report came
    sent: float  # what its stream took at least in the last seconds, bits per second
    told: float  # when it last told what it lost
    is_limited: bool = False  # its estimate is a limit, not only what it happens to get
    poor_since: float | None = None
    retry_at: float | None = None  # on the low stream until then
    probation: float = PROBATION


class RateControl:
    """Keeps what each viewer can take and decides what is sent.

    The common rate is what at least two thirds of the viewers can take. Those that cannot are moved to
    the low stream, so that neither they nor the others suffer. All times are seconds of one clock.

    Args:
        ceiling: the highest bit rate, bits per second.
    """

    def __init__(self, ceiling: int) -> None:
        self._ceiling = max(ceiling, FLOOR)
        self._target = self._ceiling
        self._raised = float("-inf")
        self._viewers: dict[str, _Viewer] = {}

    @property
    def low_rate(self) -> int:
        """Bits per second of the low stream."""
        return max(FLOOR // 2, int(self._ceiling * LOW_SHARE))

    @property
    def target(self) -> int:
        """Bits per second of the common stream, as last decided."""
        return self._target

    def report(
        self,
        viewer: str,
        now: float,
        *,
        estimate: float | None = None,
        lost: float | None = None,
        sent: float | None = None,
    ) -> None:
        """What a viewer says: its own estimate (REMB) in bits per second, or the share of packets it lost.

        Args:
            viewer: who.
            now: when.
            estimate: bits per second.
            lost: 0..1.
            sent: what its stream really took at least in the last seconds, bits per second: an easy picture takes less
                than it may. None: all that it may.
        """
        known = self._viewers.setdefault(viewer, _Viewer(self._ceiling, now, self._target, now))
        known.heard, known.sent = now, self._target if sent is None else sent
        if estimate is not None:
            known.is_limited = estimate < (ROOM if known.is_limited else LIMITED) * known.sent
            known.capacity = min(estimate if known.is_limited else max(estimate, known.capacity), self._ceiling)
        elif lost is not None:
            sent = self.low_rate if known.retry_at is not None else self._target
            seconds, known.told = min(now - known.told, 1.0), now
            if lost > BAD_LOSS:
                known.capacity = min(known.capacity, sent) * (1 - lost / 2) ** seconds
            elif lost < GOOD_LOSS:
                known.capacity = min(known.capacity * GROWTH**seconds, self._ceiling)

    def forget(self, viewer: str) -> None:
        """The viewer left."""
        self._viewers.pop(viewer, None)

    def is_poor(self, viewer: str) -> bool:
        """Whether the viewer is on the low stream."""
        known = self._viewers.get(viewer)
        return known is not None and known.retry_at is not None

    def decide(self, now: float) -> int:
        """Bits per second for the common stream; also moves viewers to the low stream and back."""
        for viewer in self._viewers.values():
            self._place(viewer, now)
        capacities = sorted(
            viewer.capacity for viewer in self._viewers.values() if viewer.retry_at is None and now - viewer.heard < OLD
        )
        wanted: float = self._ceiling
        if capacities:
            # With two, the better one counts: the other, if it is much worse, is moved away.
            wanted = capacities[1] if len(capacities) == 2 else capacities[len(capacities) // 3]
        wanted = int(min(max(wanted, FLOOR), self._ceiling))
        if wanted < self._target * (1 - STEP):
            self._target = wanted
        elif now - self._raised >= RISE_SECONDS and (
            wanted > self._target * (1 + STEP) or (wanted == self._ceiling and self._target < wanted)
        ):
            self._target, self._raised = wanted, now
        return self._target

    def _place(self, viewer: _Viewer, now: float) -> None:
        if viewer.retry_at is not None:
            if now >= viewer.retry_at:
                viewer.retry_at, viewer.poor_since = None, None
                viewer.capacity = self._target
            return
        alone = sum(other.retry_at is None for other in self._viewers.values()) < 2
        # An easy picture takes less than it may: who can take what is sent misses nothing.
        if alone or viewer.capacity >= POOR * min(self._target, viewer.sent):
            viewer.poor_since = None
            return
        viewer.poor_since = now if viewer.poor_since is None else viewer.poor_since
        if now - viewer.poor_since >= POOR_SECONDS:
            viewer.retry_at = now + viewer.probation
            viewer.probation = min(viewer.probation * 2, LONGEST_PROBATION)
