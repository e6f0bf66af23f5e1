"""The benchmark's own parts: what it times must be the real thing."""

from __future__ import annotations

import numpy as np

from engines.engine import shipped_networks
from realtime.bench_networks import network_rows, warp_and_blend


def test_every_shipped_network_is_timed(monkeypatch):
    monkeypatch.setattr("realtime.bench_networks.RUNS", 2)
    monkeypatch.setattr("realtime.bench_networks.WARM_UP", 0)
    rows = network_rows()
    assert {row[0] for row in rows} == shipped_networks() | {"warps and blending"}
    for _, _, p50, p95 in rows:
        assert 0 < float(p50) <= float(p95)


def test_the_timed_blend_paints_something():
    work = warp_and_blend()
    first, second = work(), work()
    assert first.ndim == 3
    assert min(first.shape[:2]) > 100  # the face fills a good part of the frame
    np.testing.assert_array_equal(first, second)
