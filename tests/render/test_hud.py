import numpy as np
import pytest
from tiny_faces import Sheets, grey, make_result

from realtime.render.hud import MARGIN_PX, Hud, text_panel


def test_the_panel_grows_with_lines_and_columns():
    one, two = text_panel(["fps 30"], 1.0), text_panel(["fps 30", "fps 30"], 1.0)
    assert two.shape[0] > one.shape[0]
    assert two.shape[1] == one.shape[1]
    assert one.max() > 240
    assert text_panel(["fps 30"], 2.0).shape[1] > 1.5 * one.shape[1]


def test_tabs_line_up():
    panel = text_panel(["a\t|", "mmmm\t|"], 1.0)
    half = panel.shape[0] // 2
    right = panel.shape[1] - 14
    first, second = (np.flatnonzero(part[:, right:].max(axis=0)) for part in (panel[:half], panel[half:]))
    np.testing.assert_array_equal(first, second)


def test_text_that_the_font_lacks_does_not_break():
    assert text_panel(["26 °C – ok"], 1.0).max() > 240


@pytest.mark.gl
@pytest.mark.parametrize("top_down", [True, False])
def test_text_touches_only_its_panel(context, top_down):
    lines = ["31 fps"]
    height, width = text_panel(lines, 1.0).shape
    target = context.simple_framebuffer((160, 90), 4)
    target.use()
    target.clear(0.5, 0.5, 0.5, 1)
    Hud(context).draw(lines, (160, 90), top_down)
    shown = np.frombuffer(target.read(components=3, alignment=1), np.uint8).reshape(90, 160, 3)
    changed = (shown if top_down else shown[::-1]) != 128
    rows, columns = np.flatnonzero(changed.any(axis=(1, 2))), np.flatnonzero(changed.any(axis=(0, 2)))
    assert (rows[0], rows[-1]) == (MARGIN_PX, MARGIN_PX + height - 1)
    assert (columns[0], columns[-1]) == (MARGIN_PX, MARGIN_PX + width - 1)
    assert shown.max() > 220


@pytest.mark.gl
def test_changed_text_shows_and_the_scene_draws_it_over_the_frame(make_scene):
    scene = make_scene(Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)]), (160, 90))
    result = make_result(grey(160, 90))
    first, second, none = (scene.render(result, "off", hud=lines) for lines in (["10 fps"], ["20 fps"], None))
    assert (first != second).any()
    assert (none == 100).all()
    assert (first[60:] == 100).all()
