import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.training import pseudo_labels  # noqa: E402
from engines.training.labels import OUTSIDE, PART, UNKNOWN  # noqa: E402
from engines.training.store import SIDE  # noqa: E402
from realtime.alignment import crop_matrix, to_crop  # noqa: E402

from .faces import store_of  # noqa: E402

LEFT_EYE, RIGHT_EYE, HAIR = (PART[name] for name in ("left_eye", "right_eye", "hair"))


class FakeTeacher:
    """Says hair in the upper half, and below it the right eye on the picture's left: as it is, or mirrored too."""

    def __init__(self, sure=0.9, knows_sides=True):
        self.sure, self.knows_sides, self.shown = sure, knows_sides, 0

    def __call__(self, image):
        n, _, side, _ = image.shape
        self.shown += n
        parts = torch.full((n, 14, side, side), (1 - self.sure) / 13)
        half = side // 2
        parts[:, HAIR, :half] = self.sure
        parts[:, RIGHT_EYE, half:, :half] = self.sure
        parts[:, LEFT_EYE if self.knows_sides else RIGHT_EYE, half:, half:] = self.sure
        return image[:, :1], parts


@pytest.fixture
def store():
    return store_of(4)


def teach(store, folder, teacher):
    count = pseudo_labels.write_pseudo_labels(store, teacher, folder)
    return count, pseudo_labels.with_pseudo_labels(store, folder)


def test_faces_without_hand_made_maps_are_labelled_by_the_teacher(store, tmp_path):
    teacher = FakeTeacher()
    count, after = teach(store, tmp_path, teacher)
    drawn = np.flatnonzero(~store.hand_made)
    assert count == len(drawn) > 0
    assert teacher.shown == 2 * count  # crop and mirror image
    assert after.pseudo_labelled
    for i in drawn:
        matrix = crop_matrix(store.landmarks[i], pseudo_labels.CROP)
        rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
        x, y = to_crop(np.stack([columns.ravel(), rows.ravel()], 1), matrix).T.reshape(2, SIDE, SIDE)
        shown, middle = store.labels[i] != OUTSIDE, pseudo_labels.CROP / 2
        well_inside = (np.abs(x - middle) < middle - 3) & (np.abs(y - middle) < 90)
        upper, lower = y < middle - 3, y > middle + 3
        left, right = x < middle - 3, x > middle + 3
        for where, part in ((upper, HAIR), (lower & left, RIGHT_EYE), (lower & right, LEFT_EYE)):
            assert (after.labels[i][where & shown & well_inside] == part).all()
        beyond = np.maximum(np.abs(x - middle), np.abs(y - middle)) > middle + 2
        assert (after.labels[i][beyond & shown] == UNKNOWN).all()


def test_hand_made_maps_and_what_no_photograph_shows_stay(store, tmp_path):
    store.hand_made[0] = True
    store.labels[1][:20] = OUTSIDE
    _, after = teach(store, tmp_path, FakeTeacher())
    np.testing.assert_array_equal(after.labels[0], store.labels[0])
    np.testing.assert_array_equal(after.labels[1] == OUTSIDE, store.labels[1] == OUTSIDE)


def test_what_the_teacher_is_not_sure_of_teaches_nothing(store, tmp_path):
    _, after = teach(store, tmp_path, FakeTeacher(knows_sides=False))  # says one thing, and mirrored another
    eyes = np.isin(after.labels[~store.hand_made], (LEFT_EYE, RIGHT_EYE))
    assert not eyes.any()


def test_without_maps_for_these_faces_the_store_is_as_it_was(store, tmp_path):
    assert pseudo_labels.with_pseudo_labels(store, tmp_path) is store
    np.save(tmp_path / pseudo_labels.FILE, np.zeros((2, SIDE, SIDE), np.uint8))
    assert pseudo_labels.with_pseudo_labels(store, tmp_path) is store
