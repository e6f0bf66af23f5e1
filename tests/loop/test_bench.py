"""The benchmark's own parts: what it times must be the real thing."""

from __future__ import annotations

import numpy as np

from engines.engine import shipped_networks
from realtime import bench
from realtime.bench_networks import network_rows, warp_and_blend
from realtime.config import Config
from realtime.timing import Timings


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


def test_each_part_is_told_with_all_of_it_on(monkeypatch, capsys, tmp_path):
    ran = []

    def run(config):
        ran.append(config)
        timings = Timings()
        for stage in ("memory", "draw", "vmc") if config.overlays else ("draw",):
            timings.add(stage, 1.0, 1.0)
        return timings

    monkeypatch.setattr(bench, "run_app", run)
    bench.report_everything(Config(), tmp_path)
    programs = ran[-1].programs
    assert all((ran[-1].overlays, programs.osc, programs.ifacialmocap, programs.livelink, programs.csv))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[-7:-1]] == [
        *("---", "memory", "draw", "vmc", "library threads", "all")
    ]
