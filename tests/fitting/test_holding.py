"""A face that something covers, frame after frame: what is hidden is neither fitted to, learned nor called visible."""

import heads
import numpy as np
import pytest
from covered_heads import CAMERA, HEIGHT, LOWER, WIDTH, points, seen_of

from realtime.alignment import to_crop
from realtime.frames import Frame, TrackedFace
from realtime.habit import Habit
from realtime.reconstruction import Reconstructor
from realtime.remembered import SIZE, Person
from realtime.seen import Seen

DRAGGED = (14.0, 6.0)  # px: how far a cover pulls the landmarks that it hides
ID = 3  # of `seen_of`


class Networks:
    """What the contour and the completion network would have seen, and memory would have known."""

    def __init__(self):
        self.seen, self.strangers, self.person = [], set(), None

    def process(self, frame, faces, clock):
        return self.seen

    def person_of(self, id_):
        return self.person

    def learn(self, *arguments):
        return self.strangers


@pytest.fixture
def networks():
    return Networks()


@pytest.fixture
def show(networks):
    """Shows landmarks (478, 2) px, under a cover or not; the tracker itself sees nothing."""
    reconstructor = Reconstructor(heads.model(), covered=networks)
    shown = []

    def show(landmarks, covered=None):
        networks.seen = [seen_of(landmarks, covered, is_new=not shown)]
        image = np.full((HEIGHT, WIDTH, 3), 140, np.uint8)
        result = reconstructor.process(Frame(image, 0.0, len(shown) / 30, len(shown), "x"), [])
        shown.append(result)
        return result.faces[0]

    return show


def dragged(landmarks):
    """The landmarks as a cover over the lower half would pull them."""
    out = landmarks.copy()
    out[hidden(landmarks)] += DRAGGED
    return out


def hidden(landmarks):
    seen = seen_of(landmarks, LOWER)
    return to_crop(landmarks, seen.matrix)[:, 1] > LOWER.start


def apart(first, second, where):
    return float(np.linalg.norm(first - second, axis=1)[where].mean())


def test_a_face_that_only_the_networks_see_is_there(show):
    state = show(points(), LOWER)
    assert state.id == ID
    assert apart(state.landmarks, points(), slice(None)) < 3


def test_covered_vertices_are_not_visible_the_others_as_before(show):
    bare, covered = show(points()), show(points(), LOWER)
    seen = seen_of(points(), LOWER)
    height = to_crop(covered.vertices, seen.matrix)[:, 1]
    assert covered.visibility[height > LOWER.start + 4].max() == 0
    above = height < LOWER.start - 8
    assert bare.visibility[above].max() == 1
    np.testing.assert_allclose(covered.visibility[above], bare.visibility[above], atol=0.1)


def test_what_drags_the_hidden_landmarks_hardly_moves_the_face(show):
    for _ in range(5):
        show(points())
    for _ in range(5):
        held = show(dragged(points()), LOWER)
    for _ in range(5):
        believed = show(dragged(points()))
    seen = ~hidden(points())
    assert apart(held.landmarks, points(), seen) < 0.5 * apart(believed.landmarks, points(), seen)


def test_who_it_is_is_learned_from_what_is_in_view_only(show):
    for _ in range(21):
        before = show(points()).coefficients.identity
    for _ in range(31):  # two looks at identity would have come
        after = show(dragged(points()), LOWER).coefficients.identity
    np.testing.assert_allclose(after, before, atol=0.05)


def test_another_person_is_begun_with_anew(show, networks):
    broad = np.zeros(len(heads.model().identity_basis))
    broad[:3] = 2.5
    for _ in range(10):
        show(points())
    networks.strangers = {ID}
    show(points())
    networks.strangers = set()
    at = heads.landmarks(heads.pose(at=(0, 0, 1400.0)), identity=broad, camera=CAMERA)
    fresh = show(at).coefficients.identity
    alone = Reconstructor(heads.model()).process(_frame(), [_tracked(at)]).faces[0].coefficients.identity
    np.testing.assert_allclose(fresh, alone, atol=1e-3)


def test_a_person_who_was_given_is_the_one_who_is_covered_from_the_first_frame(show, networks):
    identity = np.zeros(len(heads.model().identity_basis), np.float32)
    identity[4] = 1.5
    flat = np.zeros((SIZE, SIZE))
    networks.person = Person(np.zeros((SIZE, SIZE, 3), np.uint8), flat, identity, flat.astype(np.float16))
    np.testing.assert_allclose(show(points(), LOWER).coefficients.identity, identity, atol=0.05)


def test_a_person_who_was_given_is_not_forgotten_after_a_clear_look(show, networks):
    truth = np.zeros(len(heads.model().identity_basis), np.float32)
    truth[4] = 1.5
    flat = np.zeros((SIZE, SIZE))
    at = heads.landmarks(heads.pose(at=(0, 0, 1400.0)), identity=truth, camera=CAMERA)
    errors = []
    for person in (None, Person(np.zeros((SIZE, SIZE, 3), np.uint8), flat, truth, flat.astype(np.float16))):
        networks.person = person
        reconstructor = Reconstructor(heads.model(), covered=networks)
        for number in range(12):
            networks.seen = [seen_of(at, None, is_new=number == 0)]
            found = reconstructor.process(_frame(), []).faces[0].coefficients.identity
        errors.append(float(np.linalg.norm(found - truth)))
    assert errors[1] < 0.5 * errors[0]


def _frame():
    return Frame(np.full((HEIGHT, WIDTH, 3), 140, np.uint8), 0.0, 0.0, 0, "x")


def _tracked(landmarks):
    return TrackedFace(ID, np.column_stack([landmarks, np.zeros(478)]).astype(np.float32), True)


SMILE = {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "jawOpen": 0.3}


def smile_of(state):
    names = heads.model().expression_names
    return np.array([state.coefficients.expression[names.index(name)] for name in SMILE])


@pytest.mark.parametrize(("holds", "least", "most"), [(True, 0.7, 1.1), (False, 0.0, 0.6)])
def test_a_steady_smile_is_held_under_a_cover(show, monkeypatch, holds, least, most):
    if not holds:
        monkeypatch.setattr(Habit, "expected", lambda self, prior, identity: prior)
    smiling = points(**SMILE)
    for _ in range(40):
        bare = smile_of(show(smiling))[:2].mean()
    painted = np.where(hidden(smiling)[:, None], points(), smiling)  # at rest: it tells nothing of the smile
    for _ in range(60):
        covered = smile_of(show(painted, LOWER))[:2].mean()
    assert least * bare < covered < most * bare


def test_of_a_face_that_talks_nothing_is_held(show):
    for frame in range(40):
        show(points(**(SMILE if frame % 8 < 4 else {})))
    below = hidden(points())[:, None]
    for _ in range(60):
        covered = show(np.where(below, points(), points(**SMILE)), LOWER)
    assert smile_of(covered).max() < 0.5 * max(SMILE.values())


def test_under_glasses_nothing_is_held(show, monkeypatch):
    monkeypatch.setattr(Seen, "is_bare", True)
    monkeypatch.setattr(Habit, "expected", lambda *_: pytest.fail("a face in view needs no habit"))
    for _ in range(3):
        show(points(**SMILE), LOWER)
