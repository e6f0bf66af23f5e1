"""How `make bench-webrtc` counts; the measuring itself needs Chromium and minutes."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.webrtc_bench import _row, main, table
from realtime.webrtc_bench_pages import Seen


def samples(network: float) -> list[dict[str, float]]:
    """What the server told in the beginning, in the middle and at the end."""
    return [
        {"drawn_age_seconds": drawn, "frame_age_seconds": drawn + 0.01, "network_cpu_seconds_total": seconds}
        for drawn, seconds in ((0.09, 5.0), (0.02, 5.1), (0.03, 5 + network))
    ]


def test_a_row_sums_up_what_the_viewers_saw():
    seen = [Seen(150, np.array([40.0, 50.0, 60.0])), Seen(120, np.array([50.0, 90.0, 100.0]))]
    row = _row("program", 5.0, seen, samples(network=0.2), cpu=120.0, browsers=40.0)
    assert (row.viewers, row.fps) == (2, 24.0)  # the slowest viewer's
    assert (row.p50, row.worst_p50) == (55.0, 90.0)
    assert row.drawn == pytest.approx(30)  # ms, the middle of the three
    assert row.sent == pytest.approx(40)
    assert row.network == pytest.approx(4)  # % of a core


def test_what_is_not_known_stays_empty():
    row = _row("per-viewer", 5.0, [Seen(0, np.array([]))], [{}, {}], cpu=10.0, browsers=1.0)
    assert np.isnan([row.p50, row.worst_p50, row.drawn, row.sent, row.network]).all()
    assert "| per-viewer | 1 | 0.0 |  |  |  /  |  | 10 |  | 1 |" in table([row])


def test_the_table_tells_what_one_more_viewer_costs():
    def row(viewers: int, cpu: float, network: float):
        seen = [Seen(150, np.array([30.0]))] * viewers
        return _row("shared", 5.0, seen, samples(network), cpu, 10.0 * viewers)

    text = table([row(1, 30, 0.10), row(2, 31, 0.13), row(4, 33, 0.19)])
    assert text.count("| shared |") == 3
    assert "shared: one more viewer costs the program 1.0 % of a core, its network thread 0.60 %." in text


def test_a_clip_that_is_not_there_is_told(capsys):
    assert main(["--clip", "no-such-clip.mp4"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
