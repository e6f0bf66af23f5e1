from __future__ import annotations

from realtime.outputs.webrtc.metrics import HELP, Metrics


def test_prometheus_text():
    metrics = Metrics()
    metrics.add("bytes_total", 12_345_678)
    metrics.set("viewers", 3)
    lines = metrics.text().splitlines()
    assert "contourface_viewers 3" in lines
    assert "contourface_bytes_total 12345678" in lines
    assert "# TYPE contourface_bytes_total counter" in lines
    assert len(lines) == 3 * len(HELP)
    assert all(name.endswith("_total") == (kind == "counter") for name, (kind, _) in HELP.items())


def test_fps_looks_back_two_seconds():
    now = [0.0]
    metrics = Metrics(lambda: now[0])
    for index in range(90):
        now[0] = index / 30
        metrics.frame()
    assert metrics.values()["fps"] == 30
    now[0] += 10
    assert metrics.values()["fps"] == 0
    assert metrics.values()["frames_total"] == 90


def test_ages_are_the_last_seconds_median():
    now = [0.0]
    metrics = Metrics(lambda: now[0])
    for index, age in enumerate([9.0, 9.0, 0.1, 0.3, 0.2]):
        now[0] = index
        metrics.observe("frame_age_seconds", age)
    assert metrics.values()["frame_age_seconds"] == 0.25  # of the last two
    now[0] += 100
    assert metrics.values()["frame_age_seconds"] == 0.25  # still the last that is known
    assert "contourface_frame_age_seconds 0.25" in metrics.text()
