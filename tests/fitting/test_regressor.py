"""The regression network in the loop: when it is asked, how far it is believed, that nothing changes without it."""

from dataclasses import replace

import heads
import numpy as np
import pytest
from covered_heads import HEIGHT, LOWER, WIDTH, points, seen_of

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE, SPECS
from realtime.alignment import rescale
from realtime.frames import PART_NAMES, Frame, TrackedFace
from realtime.reconstruction import Options, Reconstructor
from realtime.regressor import Regressor, Trust, prior_of, with_hidden


class FakeEngine:
    """Says the same of every crop, and counts."""

    device, precision, why = "cpu", "f32", "regression: fake"

    def __init__(self):
        self.spec = SPECS["regression"]
        self.inputs = {t.name: np.zeros(t.shape, np.float32) for t in self.spec.inputs}
        self.outputs = {t.name: np.zeros(t.shape, np.float32) for t in self.spec.outputs}
        self.outputs["landmarks"][:] = 0.25
        self.outputs["bump"][:] = 0.5
        self.runs = 0

    def run(self, **arrays):
        self.runs += 1
        return self.outputs


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def regressor(engine):
    return Regressor(engine)


def test_a_covered_face_is_looked_at_in_every_frame(regressor, engine):
    for _ in range(4):
        assert regressor.look(seen_of(points(), LOWER)).is_fresh
    assert engine.runs == 4


def test_a_face_in_plain_view_once(regressor, engine):
    fresh = [regressor.look(seen_of(points())).is_fresh for _ in range(5)]
    assert engine.runs == 1
    assert fresh == [True, False, False, False, False]


def test_eyeglasses_do_not_keep_a_face_from_being_bare(regressor, engine):
    seen = seen_of(points(), LOWER)
    parts = np.zeros_like(seen.parts)
    parts[PART_NAMES.index("skin")] = 1
    low = round(LOWER.start * CONTOUR_SIZE / COMPLETION_SIZE)
    parts[:, low:] = 0
    parts[PART_NAMES.index("eyeglasses"), low:] = 1
    worn = replace(seen, parts=parts)
    assert worn.is_bare
    assert not seen.is_bare
    assert [regressor.look(replace(worn, crop=worn.crop.copy())).is_fresh for _ in range(3)] == [True, False, False]
    assert prior_of(regressor.look(seen), True, Trust(expression=3.0)) is None


def test_a_crop_is_not_looked_at_twice(regressor, engine):
    seen = seen_of(points(), LOWER)
    assert regressor.look(seen).is_fresh
    assert not regressor.look(seen).is_fresh
    assert engine.runs == 1


def test_identity_and_albedo_are_averaged_and_expression_is_not(regressor, engine):
    answers = []
    for value in (0.0, 1.0):
        for name in ("identity", "albedo", "expression"):
            engine.outputs[name][:] = value
        answers.append(regressor.look(seen_of(points(), LOWER)))
    np.testing.assert_allclose(answers[1].identity, 0.5)
    np.testing.assert_allclose(answers[1].albedo, 0.5)
    np.testing.assert_allclose(answers[1].expression, 1.0)
    np.testing.assert_allclose(answers[0].identity, 0.0)


def test_another_person_is_not_averaged_with_the_last(regressor, engine):
    regressor.look(seen_of(points(), LOWER))
    engine.outputs["identity"][:] = 1
    np.testing.assert_allclose(regressor.look(seen_of(points(), LOWER, is_new=True)).identity, 1)


def test_those_who_left_are_forgotten(regressor, engine):
    regressor.look(seen_of(points()))
    regressor.forget(set())
    assert regressor.look(seen_of(points())).is_fresh


def test_landmarks_come_back_in_the_picture(regressor):
    seen = seen_of(points())
    regression = regressor.look(seen)
    matrix = rescale(seen.matrix, CONTOUR_SIZE / COMPLETION_SIZE)
    np.testing.assert_allclose(regression.matrix, matrix, rtol=1e-6)
    back = regression.landmarks @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(back, 0.25 * CONTOUR_SIZE, atol=1e-2)


def test_only_hidden_landmarks_move(regressor):
    seen = seen_of(points(), LOWER)
    regression = regressor.look(seen)
    moved, weights = with_hidden(seen, regression, Trust(hidden=1.0, hidden_weight=0.4))
    hidden = seen.uncovered(seen.face.landmarks) < 0.5
    assert 50 < hidden.sum() < 400
    np.testing.assert_allclose(moved.landmarks[hidden, :2], regression.landmarks[hidden], atol=1e-4)
    np.testing.assert_array_equal(moved.landmarks[~hidden], seen.face.landmarks[~hidden])
    np.testing.assert_allclose(weights[hidden], 0.4)
    np.testing.assert_array_equal(weights[~hidden], seen.weights[~hidden])


def test_landmarks_stay_where_the_network_has_no_say(regressor):
    seen = seen_of(points(), LOWER)
    old = replace(regressor.look(seen), is_fresh=False)
    bare = seen_of(points())
    for seen_, regression, trust in (
        (seen, regressor.look(seen_of(points(), LOWER)), Trust()),
        (seen, old, Trust(hidden=1.0)),
        (bare, regressor.look(bare), Trust(hidden=1.0)),
    ):
        face, weights = with_hidden(seen_, regression, trust)
        assert face is seen_.face
        assert weights is seen_.weights


def test_a_face_that_was_in_plain_view_is_known_better_from_there(regressor, engine):
    regressor.look(seen_of(points()))
    for _ in range(5):
        covered = seen_of(points(), LOWER)
        regression = regressor.look(covered)
    trust = Trust(identity=1.0, expression=3.0, hidden=1.0)
    assert engine.runs == 1
    assert with_hidden(covered, regression, trust)[0] is covered.face
    assert prior_of(regression, True, trust) is None


def test_the_prior_holds_what_is_trusted(regressor):
    regression = regressor.look(seen_of(points(), LOWER))
    assert prior_of(regression, True, Trust()) is None
    assert prior_of(regression, False, Trust(expression=3.0)) is None
    prior = prior_of(regression, True, Trust(identity=2.0, expression=3.0))
    assert (prior.identity_strength, prior.expression_strength) == (2.0, 3.0)
    assert prior.expression is regression.expression
    assert prior_of(regression, False, Trust(identity=2.0, expression=3.0)).expression is None


class FakeCovered:
    """What the contour and the completion network would have seen."""

    def __init__(self, covered):
        self.covered = covered

    def process(self, frame, faces, clock):
        return [seen_of(face.landmarks[:, :2], self.covered, face.is_new) for face in faces]

    def person_of(self, id_):
        return None

    def learn(self, *args):
        return ()


def picture():
    return Frame(np.full((HEIGHT, WIDTH, 3), 140, np.uint8), captured=0.0, time=0.0, index=0, name="0")


def state(covered, regressor, trust=None, landmarks=None):
    landmarks = points(jawOpen=0.6) if landmarks is None else landmarks
    face = TrackedFace(3, np.column_stack([landmarks, np.zeros(478)]).astype(np.float32), True)
    reconstructor = Reconstructor(
        heads.model(), Options(stills=True), FakeCovered(covered), regressor, *([trust] if trust else [])
    )
    return reconstructor.process(picture(), [face]).faces[0]


def test_a_network_that_nobody_trusts_changes_nothing(engine):
    with_it, without = (state(LOWER, r, Trust()) for r in (Regressor(engine, heads.model().in_mirror), None))
    np.testing.assert_array_equal(with_it.landmarks, without.landmarks)
    np.testing.assert_array_equal(with_it.coefficients.identity, without.coefficients.identity)
    np.testing.assert_array_equal(with_it.coefficients.albedo, without.coefficients.albedo)


def test_identity_is_drawn_towards_the_network(engine):
    engine.outputs["identity"][:] = 0.7
    near = state(None, Regressor(engine, heads.model().in_mirror), Trust(identity=50.0)).coefficients.identity
    far = state(None, None).coefficients.identity
    assert np.abs(near - 0.7).mean() < 0.5 * np.abs(far - 0.7).mean()


def test_albedo_and_relief_are_the_networks(engine):
    engine.outputs["albedo"][:] = 0.5
    found = state(LOWER, Regressor(engine, heads.model().in_mirror), Trust(albedo=True, bump=0.5))
    np.testing.assert_allclose(found.coefficients.albedo, 0.5)
    assert found.coefficients.albedo.dtype == np.float32
    assert found.bump.max() > 0.2


def test_relief_moves_no_vertex(engine):
    flat, bumpy = FakeEngine(), engine
    flat.outputs["bump"][:] = 0
    a, b = (state(LOWER, Regressor(e, heads.model().in_mirror), Trust(bump=1.0)) for e in (flat, bumpy))
    np.testing.assert_array_equal(a.vertices, b.vertices)
    assert np.abs(b.bump.astype(np.float32) - a.bump).max() > 0.1


class DotEngine(FakeEngine):
    """Says that a bump is where the crop is bright, half as high in every further look, and counts the looks."""

    def run(self, **arrays):
        bright = self.inputs["image"][0].mean(0) > 0
        self.outputs["bump"][0, 0] = bright * 0.5**self.runs
        for name in ("identity", "light", "landmarks"):
            self.outputs[name][:] = self.runs
        return super().run()


def test_a_stills_identity_and_relief_are_the_mean_of_crop_and_mirror_image_and_the_rest_is_the_crops():
    seen = seen_of(points())
    crop = np.zeros_like(seen.crop)
    crop[36:48, 132:144] = 255
    engine = DotEngine()
    found = Regressor(engine, lambda identity: -identity).look(replace(seen, crop=crop))
    assert engine.runs == 2
    wanted = np.zeros((CONTOUR_SIZE, CONTOUR_SIZE))
    wanted[24:32, 88:96] = 0.75  # of 1 and 0.5, in one place
    np.testing.assert_allclose(found.bump, wanted)
    np.testing.assert_allclose(found.identity, -0.5)  # of 0 and, in the mirror, 1
    np.testing.assert_allclose(found.light[::9], 0.0)
    first = found.landmarks @ found.matrix[:, :2].T + found.matrix[:, 2]
    np.testing.assert_allclose(first, 0.0, atol=1e-3)


def test_in_video_one_look_has_to_do():
    engine = DotEngine()
    Regressor(engine).look(seen_of(points()))
    assert engine.runs == 1
