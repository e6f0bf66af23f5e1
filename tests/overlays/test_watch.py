"""Hot reload: edit, save, see; a mistake costs a line."""

import logging
import os
import time

import pytest
from tiny_gltf import QUAD, bomb, gltf, png

from realtime.errors import UserError
from realtime.overlays.watch import OverlayWatcher

PAINT = '[[paint]]\nimage = "red.png"\n'
PROP = '[[prop]]\nmodel = "quad.gltf"\n'
_clock = iter(range(1, 10_000))


def save(path, data):
    """Writes, with a time of change that differs from the last one's however fast the test is."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    when = time.time_ns() + next(_clock) * 10**9
    os.utime(path, ns=(when, when))


@pytest.fixture
def watched(overlay):
    return overlay(PAINT), OverlayWatcher([overlay(PAINT)], 100)


def test_nothing_changed_is_the_same_object(watched):
    _, watcher = watched
    before = watcher.current
    watcher.poll()
    assert watcher.current[0] is before[0]


def test_an_edit_is_seen(watched, caplog):
    path, watcher = watched
    save(path, PAINT + "opacity = 0.5\n")
    with caplog.at_level(logging.INFO):
        watcher.poll()
    assert watcher.current[0].paints[0].opacity == 0.5
    assert len(caplog.records) == 1


def test_an_edit_of_a_named_file_is_seen(watched, folder):
    _, watcher = watched
    save(folder / "red.png", png((0, 255, 0, 255)))
    watcher.poll()
    assert tuple(watcher.current[0].paints[0].image[0, 0]) == (0, 255, 0, 255)


@pytest.mark.parametrize(
    "broken",
    ["[[paint", PAINT + "nonsense = 1\n", '[[paint]]\nimage = "gone.png"\n', "", PAINT + "opacity = nan\n"],
)
def test_a_broken_edit_costs_one_line_once_and_keeps_the_last_good_version(watched, caplog, broken):
    path, watcher = watched
    good = watcher.current[0]
    save(path, broken)
    for _ in range(3):
        watcher.poll()
    assert watcher.current[0] is good
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert "o.toml" in record.getMessage()
    save(path, PAINT + "opacity = 0.25\n")
    watcher.poll()
    assert watcher.current[0].paints[0].opacity == 0.25


@pytest.mark.parametrize("data", [bomb(), b"", png(size=(64, 64))[:50]])
def test_a_broken_picture_costs_one_line(watched, folder, caplog, data):
    _, watcher = watched
    good = watcher.current[0]
    save(folder / "red.png", data)
    watcher.poll()
    watcher.poll()
    assert watcher.current[0] is good
    assert len(caplog.records) == 1
    save(folder / "red.png", png((0, 0, 255, 255)))
    watcher.poll()
    assert watcher.current[0] is not good


def test_a_file_that_was_missing_is_read_when_it_comes(watched, folder, caplog):
    path, watcher = watched
    save(path, '[[paint]]\nimage = "later.png"\n')
    watcher.poll()
    save(folder / "later.png", png((0, 0, 255, 255)))
    watcher.poll()
    assert tuple(watcher.current[0].paints[0].image[0, 0]) == (0, 0, 255, 255)


def test_a_model_that_becomes_nonsense_or_goes_is_kept(overlay, folder, caplog):
    watcher = OverlayWatcher([overlay(PROP)], 100)
    good = watcher.current[0]
    nan = QUAD.copy()
    nan[0] = float("nan")
    save(folder / "quad.gltf", gltf(nan))
    watcher.poll()
    (folder / "quad.gltf").unlink()
    watcher.poll()
    assert watcher.current[0] is good
    assert len(caplog.records) == 2


def test_one_of_several_changes_alone(overlay):
    paths = [overlay(PAINT, "a.toml"), overlay(PROP, "b.toml")]
    watcher = OverlayWatcher(paths, 100)
    first, second = watcher.current
    save(paths[1], PROP + "scale = 2\n")
    watcher.poll()
    assert watcher.current[0] is first
    assert watcher.current[1] is not second


def test_a_mistake_at_the_start_is_the_users(overlay):
    with pytest.raises(UserError):
        OverlayWatcher([overlay("[[paint")], 100)


def test_it_looks_by_itself_while_it_is_open(overlay):
    path = overlay(PAINT)
    with OverlayWatcher([path], 100) as watcher:
        save(path, PAINT + "opacity = 0.5\n")
        deadline = time.monotonic() + 5
        while watcher.current[0].paints[0].opacity != 0.5 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert watcher.current[0].paints[0].opacity == 0.5
