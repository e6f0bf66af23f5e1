"""One face: what covers it, what is painted, which landmarks are believed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from covered_fakes import PAINT, ring

from engines.engine import COMPLETION_SIZE
from realtime.alignment import crop_matrix, to_crop, to_picture
from realtime.carrying import LOWERED, REFILL
from realtime.layers import in_picture
from realtime.recall import Recalled
from realtime.seen import (
    HIDDEN_WEIGHT,
    is_face,
)
from realtime.unocclude import (
    FADE_SECONDS,
    MOST_RECALLED,
    Unoccluder,
)


def test_an_arm_that_goes_on_beyond_the_crop_stays_off_the_face(stills, bare, face, mesh):
    covered = bare.copy()
    covered[130:, 150:175] = (0, 255, 0)
    layers = in_picture(covered, [stills.look(covered, face)])
    np.testing.assert_allclose(layers.complete[140:155, 155:170].mean((0, 1)), PAINT, atol=3)  # on the face
    below = layers.complete[190:, 152:173]
    np.testing.assert_array_equal(below, covered[190:, 152:173])
    assert layers.occlusion[140, 160] > 0
    completed = mesh.crops[-1]  # what the landmarks are looked for on is free of it altogether
    assert not (completed == (0, 255, 0)).all(2)[:-8].any()


def test_nothing_is_painted_on_a_face_in_plain_view(stills, engines, bare, face):
    seen = stills.look(bare, face)
    assert seen.mask is None
    assert seen.weights is None
    assert engines[1].runs == 0
    assert in_picture(bare, [seen]) is None


def test_a_still_in_plain_view_is_looked_at_again_and_all_looks_averaged(stills, mesh, bare, face):
    seen = stills.look(bare, face)
    assert len(mesh.crops) == 1
    again = to_picture(mesh.find(seen.crop), seen.matrix)
    np.testing.assert_allclose(seen.face.landmarks[:, :2], (face.landmarks[:, :2] + 3 * again) / 4, atol=1e-3)


def test_a_still_in_plain_view_keeps_the_trackers_landmarks_where_the_crop_shows_none(stills, mesh, bare, face):
    mesh.finds = False
    assert stills.look(bare, face).face is face


def test_a_covered_face_is_painted_and_tracked_again(stills, engines, mesh, covered, face):
    seen = stills.look(covered, face)
    assert engines[1].runs == 2  # a second pass with the better crop
    middle = seen.crop.shape[0] // 2
    np.testing.assert_allclose(mesh.crops[-1][middle + 8, middle + 8], PAINT, atol=1)
    found = to_crop(seen.face.landmarks, seen.matrix)
    assert np.isfinite(found).all()
    assert seen.face.landmarks is not face.landmarks


def test_hidden_landmarks_count_little(stills, covered, face):
    seen = stills.look(covered, replace(face, landmarks=ring((170, 130), 60)))
    assert seen.weights.min() == pytest.approx(HIDDEN_WEIGHT)
    assert seen.weights.max() == 1
    assert seen.weights.shape == (478,)


def test_uncovered_says_which_points_are_in_view(stills, covered, face):
    seen = stills.look(covered, face)
    np.testing.assert_array_equal(seen.uncovered(np.float32([[170, 130, 5], [120, 100, 5], [-90, 3, 5]])), [0, 1, 1])
    assert (stills.look(covered * 0, face).uncovered(np.zeros((3, 3), np.float32)) == 1).all()


def test_without_landmarks_on_the_completed_face_the_trackers_stay(stills, mesh, covered, face):
    mesh.finds = False
    np.testing.assert_array_equal(stills.look(covered, face).face.landmarks, face.landmarks)


def test_landmarks_that_leave_what_is_in_view_are_not_believed(stills, mesh, covered, face):
    found = mesh.find(covered)
    mesh.find = lambda crop: found + np.float32([25, 0, 0])
    np.testing.assert_array_equal(stills.look(covered, face).face.landmarks, face.landmarks)


def test_kept_glasses_belong_to_the_face(engines, mesh, covered, face):
    contour, completion = engines
    plain_run = contour.run

    def with_glasses(**arrays):
        found = plain_run(**arrays)
        glasses = found["mask"][0, 0] > 0.5
        found["parts"][0][:, glasses] = 0
        found["parts"][0, -1][glasses] = 1
        return found

    contour.run = with_glasses
    kept = Unoccluder(contour, completion, mesh, stills=True, keep_glasses=True).look(covered, face)
    painted = Unoccluder(contour, completion, mesh, stills=True).look(covered, face)
    assert kept.mask is None
    assert kept.doubted is None
    assert kept.visible > 0.99
    assert in_picture(covered, [kept]) is None
    assert painted.is_bare
    assert (in_picture(covered, [painted]).complete != covered).any()


def test_in_video_what_becomes_covered_is_painted_at_once(video, covered, bare, face):
    video.look(bare, face, 0.0)
    known = replace(face, is_new=False)
    assert video.look(covered, known, FADE_SECONDS / 4).alpha.max() > 0.99


def test_in_video_the_crop_sinks_until_a_face_mask_ends_within_it(video, stills, bare, covered, face):
    side, first = len(video.look(bare, face).crop), crop_matrix(face.landmarks, COMPLETION_SIZE)
    masked = bare.copy()
    left, right = (int(x) for x in to_picture(np.float32([[0.2 * side, 0], [0.8 * side, 0]]), first)[:, 0])
    top, end = (int(y) for y in to_picture(np.float32([[0, 0.5 * side], [0, 1.03 * side]]), first)[:, 1])
    masked[top:end, left:right] = (0, 255, 0)
    known = replace(face, is_new=False)
    seen = [video.look(masked, known, time / 30) for time in range(1, 5)]
    assert [each.lowered for each in seen] == [0.0] + 3 * [LOWERED]
    left_over = [(in_picture(masked, [each]).complete == (0, 255, 0)).all(2).sum() for each in seen]
    assert left_over[-1] == 0 < left_over[0]
    assert [video.look(covered, known, time).lowered for time in (1.0, 1.1)] == [LOWERED, 0.0]
    assert stills.look(masked, face).lowered == 0


def test_in_video_painting_fades_out(video, covered, bare, face):
    video.look(covered, face, 0.0)
    known = replace(face, is_new=False)
    leaving = video.look(bare, known, FADE_SECONDS / 2)
    assert leaving.mask is None
    assert 0.4 < leaving.alpha.max() < 0.6
    gone = video.look(bare, known, 3 * FADE_SECONDS)
    assert gone.alpha is None
    assert in_picture(bare, [gone]) is None


def test_in_video_a_new_face_is_painted_at_once(video, covered, face):
    assert video.look(covered, face, 0.0).alpha.max() > 0.99


def test_a_lost_face_is_gone_on_with_while_it_is_covered(video, covered, face):
    video.look(covered, face, 0.0)
    seen = video.go_on(covered, face.id, 0.03)
    assert seen is not None
    assert seen.face.id == face.id
    assert not seen.face.is_new


@pytest.mark.parametrize("reason", ["bare", "no mesh", "no face", "unknown"])
def test_a_lost_face_is_given_up(video, engines, mesh, covered, bare, face, reason):
    video.look(covered, face, 0.0)
    mesh.finds = reason != "no mesh"
    engines[0].certain = reason != "no face"
    id_ = 99 if reason == "unknown" else face.id
    assert video.go_on(bare if reason == "bare" else covered, id_, 0.03) is None


def test_confirm_wants_the_contour_networks_word(stills, engines, mesh, bare, face):
    assert stills.confirm(bare, face) is not None
    engines[0].certain = False
    assert stills.confirm(bare, face) is None
    engines[0].certain = True
    mesh.finds = False
    assert stills.confirm(bare, face) is None


def test_is_face_is_false_for_a_uniform_part_map(stills, engines, bare, face):
    assert is_face(stills.look(bare, face))
    engines[0].certain = False
    assert not is_face(stills.look(bare, face))


class FakeMemories:
    """Remembers every face as one colour."""

    def __init__(self, share):
        self.share, self.asked = share, 0

    def recall(self, id_, landmarks, matrix, crop, hidden):
        self.asked += 1
        known = np.full(hidden.shape, self.share, np.float32)
        return Recalled(np.full(crop.shape, 33, np.uint8), known, known * 0)


def remembering(engines, mesh, share):
    return Unoccluder(*engines, mesh, memories=FakeMemories(share))


def test_what_is_remembered_is_painted_before_what_the_network_paints(engines, mesh, covered, face):
    seen = remembering(engines, mesh, 1.0).look(covered, face, 0.0)
    mixed = MOST_RECALLED * 33 + (1 - MOST_RECALLED) * np.float32(PAINT)
    assert np.abs(seen.painting[seen.mask > 0] - mixed).max() <= 2
    seen = remembering(engines, mesh, 0.0).look(covered, face, 0.0)
    assert np.abs(seen.painting[seen.mask > 0].astype(int) - PAINT).max() <= 2


def fit_at(landmarks):
    """A fit of which nothing but the landmarks is asked."""
    return SimpleNamespace(landmarks=landmarks)


def test_hidden_landmarks_go_on_from_where_the_fit_has_them(video, covered, face):
    seen = video.look(covered, face, 0.0)
    hidden = seen.uncovered(seen.face.landmarks) == 0
    assert hidden.any()
    assert not hidden.all()
    held = video.hold(seen, fit_at(seen.face.landmarks[:, :2] + 5)).face.landmarks
    np.testing.assert_array_equal(held, video.remembered()[face.id])
    np.testing.assert_allclose(held[hidden, :2], seen.face.landmarks[hidden, :2] + 5, atol=1e-3)
    np.testing.assert_array_equal(held[~hidden], seen.face.landmarks[~hidden])
    np.testing.assert_array_equal(held[:, 2], seen.face.landmarks[:, 2])


def test_landmarks_of_a_face_in_plain_view_are_the_trackers(video, bare, face):
    seen = video.look(bare, face, 0.0)
    before = video.remembered()[face.id].copy()
    assert video.hold(seen, fit_at(before[:, :2] + 5)) is seen
    np.testing.assert_array_equal(video.remembered()[face.id], before)


def test_without_a_fit_all_landmarks_stay(video, stills, covered, face):
    seen = video.look(covered, face, 0.0)
    assert video.hold(seen, None) is seen
    alone = stills.look(covered, face)  # stills carry nothing on
    assert stills.hold(alone, fit_at(alone.face.landmarks[:, :2] + 5)) is alone


def test_the_network_rests_while_memory_knows(engines, mesh, covered, face):
    video = remembering(engines, mesh, 1.0)
    video.look(covered, face, 0.0)
    for number in range(1, 2 * REFILL + 1):
        video.look(covered, replace(face, is_new=False), number / 30)
    assert engines[1].runs == 3


def test_the_network_runs_on_while_memory_knows_little(engines, mesh, covered, face):
    video = remembering(engines, mesh, 0.3)
    for number in range(5):
        video.look(covered, replace(face, is_new=number == 0), number / 30)
    assert engines[1].runs == 5


def test_the_network_runs_when_the_cover_moves(engines, mesh, bare, covered, face):
    video = remembering(engines, mesh, 1.0)
    video.look(covered, face, 0.0)
    moved = bare.copy()
    moved[130:170, 110:150] = (0, 255, 0)
    video.look(moved, replace(face, is_new=False), 1 / 30)
    assert engines[1].runs == 2


def test_a_frame_nobody_looked_at_says_so(video, bare, face):
    assert video.look(bare, face, 0.0).fresh
    assert not video.look(bare, replace(face, is_new=False), 1 / 30).fresh
