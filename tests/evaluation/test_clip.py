"""The figures of covered clips, on clips of a few frames."""

import cv2
import numpy as np
import pytest

pytest.importorskip("tqdm")  # comes with the extra `train`, as all that the evaluation needs

from engines.evaluation import clip as clip_module
from engines.evaluation.clip import COLUMNS, report, write_strip
from engines.evaluation.clip_scene import CLEAR, COVERED, CoveredFrame, along, cover_clip, demo_clip
from engines.evaluation.clip_score import (
    ClipRun,
    flicker,
    found_share,
    frames_to_recover,
    hidden_drift,
    hidden_psnr,
    lost,
)
from engines.evaluation.metrics import LOST_DRIFT, face_region
from engines.training.labels import OVAL
from engines.training.occluders.scene import Layer
from realtime.sources.demo import Demo

SIDE = 120


def face(shift=0.0):
    """(478, 2) a ring around the middle, 80 px from eye to eye."""
    points = np.full((478, 2), 60.0, np.float32)
    angles = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    points[list(OVAL)] += 50 * np.stack([np.cos(angles), np.sin(angles)], 1)
    points[33], points[263] = (20, 50), (100, 50)
    return (points + np.float32([shift, 0])).astype(np.float32)


def frame(hidden, clean=100):
    image = np.full((SIDE, SIDE, 3), clean, np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[30:90, 30:90] = hidden
    return CoveredFrame(image, np.where(mask[..., None], np.uint8(0), image), mask)


TRUTH = [face()] * 4
FRAMES = [frame(False), frame(True), frame(True), frame(False)]
CLEAN = ClipRun(TRUTH)


def test_masks_are_compared_inside_the_face_of_covered_frames():
    whole = [frame.mask.copy() for frame in FRAMES]
    assert found_share(FRAMES, TRUTH, ClipRun(TRUTH, masks=whole)) == 1
    none = [np.zeros_like(mask) for mask in whole]
    assert found_share(FRAMES, TRUTH, ClipRun(TRUTH, masks=none)) == 0
    outside = [mask | ~face_region(points, mask.shape) for mask, points in zip(whole, TRUTH, strict=True)]
    assert found_share(FRAMES, TRUTH, ClipRun(TRUTH, masks=outside)) == 1
    assert np.isnan(found_share(FRAMES[:1], TRUTH[:1], ClipRun(TRUTH[:1], masks=none[:1])))


def test_psnr_counts_only_the_hidden_pixels_of_the_face():
    painted = []
    for each in FRAMES:
        complete = each.clean.copy()
        complete[each.mask] += 10
        complete[~each.mask] = 0
        painted.append(complete)
    expected = 20 * np.log10(255 / 10)
    assert hidden_psnr(FRAMES, TRUTH, ClipRun(TRUTH, painted)) == pytest.approx(expected)


def test_psnr_without_hidden_pixels_is_unknown():
    assert np.isnan(hidden_psnr(FRAMES[:1], TRUTH[:1], ClipRun(TRUTH[:1], [FRAMES[0].clean])))


def test_drift_is_against_the_same_system_in_hidden_points():
    run = ClipRun([face(40), face(8), face(8), face(40)])
    assert hidden_drift(FRAMES, TRUTH, CLEAN, run) == pytest.approx(10)  # 8 px of 80
    assert hidden_drift(FRAMES, TRUTH, run, run) == 0


def test_a_lost_face_counts_as_far_off():
    run = ClipRun([face(), None, None, face()])
    assert hidden_drift(FRAMES, TRUTH, CLEAN, run) == LOST_DRIFT
    assert lost(run) == 2


def test_flicker_is_motion_beyond_that_of_the_clean_clip():
    moving = ClipRun([face(x) for x in (0, 4, 8, 12)])
    shifted = ClipRun([face(x) for x in (20, 24, 28, 32)])
    assert flicker(FRAMES, TRUTH, moving, shifted) == pytest.approx(0, abs=1e-5)
    assert flicker(FRAMES, TRUTH, CLEAN, moving) == pytest.approx(5)  # 4 px of 80, in the one step hidden throughout


def test_flicker_without_hidden_points_is_unknown():
    assert np.isnan(flicker(FRAMES[:1], TRUTH[:1], CLEAN, CLEAN))


@pytest.mark.parametrize(("errors", "expected"), [((0,), 1), ((4, 0), 2), ((4, 4, 0.5), 3), ((4, 4), np.inf)])
def test_recovery_counts_frames_in_clear_view(errors, expected):
    frames = [frame(True)] + [frame(False)] * len(errors)
    truth = [face()] * len(frames)
    run = ClipRun([face(9), *(face(error) for error in errors)])
    assert frames_to_recover(frames, truth, ClipRun(truth), run) == expected


def test_what_was_never_covered_never_recovers():
    assert frames_to_recover(FRAMES[:1], TRUTH[:1], CLEAN, CLEAN) == np.inf


def test_a_path_passes_through_its_places():
    path = ((0.0, 1, 2), (0.5, 3, 4), (1.0, 5, 0))
    np.testing.assert_allclose(along(path, 0.5), (3, 4))
    np.testing.assert_allclose(along(path, 0.25), (2, 3))
    np.testing.assert_allclose(along(path, 7), (5, 0))


def test_the_cover_comes_after_a_second_of_clear_view_and_goes():
    assert CLEAR > 30
    images = [np.full((SIDE, SIDE, 3), 100, np.uint8)] * (CLEAR + COVERED + 2)
    moments = []

    def cover(scene, moment):
        moments.append(moment)
        alpha = np.zeros((SIDE, SIDE), np.float32)
        alpha[50:70, 50:70] = 1
        return Layer(np.zeros((SIDE, SIDE, 3), np.float32), alpha)

    frames = cover_clip(images, [face()] * len(images), cover)
    covered = [each.mask.any() for each in frames]
    assert covered == [False] * CLEAR + [True] * COVERED + [False] * 2
    assert (moments[0], moments[-1]) == (0, 1)
    assert (frames[CLEAR].covered[60, 60] == 0).all()
    assert (frames[CLEAR].covered[20, 20] == 100).all()  # no shadow: the truth of what is not hidden is the frame


def test_the_report_has_a_line_per_clip_and_the_means():
    rows = {name: dict.fromkeys(COLUMNS, value) for name, value in (("a", 1.0), ("b", 3.0))}
    lines = report(rows).strip().splitlines()
    assert lines[-1].startswith("| mean | 2.00 | 2.00")
    assert sum(line.startswith(("| a |", "| b |")) for line in lines) == 2


def test_only_what_is_asked_for_is_run():
    assert clip_module._chosen(("d18", "d19"), ["d19", "hand"]) == ["d19"]
    assert clip_module._chosen(("d18", "d19"), ["hand"]) == ["d18", "d19"]


def test_the_demonstration_has_a_truth_of_its_own(monkeypatch):
    monkeypatch.setattr(Demo, "count", 20)
    frames = demo_clip()
    covered = [each.mask.any() for each in frames]
    assert not any(covered[:9])
    assert sum(covered) > 6
    for each in frames:
        changed = (each.clean != each.covered).any(-1)
        if each.mask.any():
            assert changed[each.mask].mean() > 0.95
    assert (frames[0].clean == frames[0].covered).all()


def test_a_strip_runs_from_before_the_cover_to_after_it(tmp_path):
    frames = [frame(0 < index < 7, clean=10 * index) for index in range(10)]
    write_strip(tmp_path / "strip.png", frames, range(1, 7), ClipRun([], [each.clean for each in frames]))
    strip = cv2.imread(str(tmp_path / "strip.png"))[-1, ::SIDE, 0]
    assert strip.tolist() == [0, 20, 30, 50, 60, 80]
