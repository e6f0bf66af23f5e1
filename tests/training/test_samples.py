import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.training import labels  # noqa: E402
from engines.training.camera import photograph  # noqa: E402
from engines.training.samples import (  # noqa: E402
    Batches,
    faces_for,
    loader,
    make_sample,
    stack,
    to_network,
    tracker_error,
)
from engines.training.split import is_validation  # noqa: E402
from engines.training.store import MARGIN, SIDE, cut_out, store_matrix  # noqa: E402
from realtime.alignment import crop_matrix, to_crop  # noqa: E402

from .faces import draw_face, face_points, library, store_of  # noqa: E402


@pytest.fixture(scope="module")
def store():
    return store_of()


def sample(store, seed=0, index=1, **options):
    return make_sample(store, index, library(), np.random.default_rng(seed), 64, **options)


def test_a_sample_has_its_shapes_and_ranges(store):
    s = sample(store)
    assert s.clean.shape == s.covered.shape == (64, 64, 3)
    for name in ("mask", "glasses", "judged"):
        assert getattr(s, name).shape == (64, 64)
        assert set(np.unique(getattr(s, name))) <= {0, 1}
    assert s.parts.shape == (64, 64)
    assert labels.PART["eyeglasses"] not in s.parts


def test_a_clear_sample_is_clear(store):
    for seed in range(10):
        s = sample(store, seed, kinds=[])
        assert not s.mask.any()
        assert not s.glasses.any()


def test_parts_are_those_of_the_complete_face(store):
    clear, covered = (sample(store, 4, kinds=kinds, jitter=0.0) for kinds in ([], ["face_mask"]))
    for parts in (covered.parts, labels.mirror(covered.parts)):
        if (parts == clear.parts).mean() > 0.99:
            return
    pytest.fail("an occluder changed the part map")


def test_left_and_right_are_right_in_mirrored_samples(store):
    for seed in range(12):
        parts = sample(store, seed, jitter=0.0, kinds=[]).parts
        left = np.nonzero(parts == labels.PART["left_eye"])[1].mean()
        right = np.nonzero(parts == labels.PART["right_eye"])[1].mean()
        assert left > right


def test_real_glasses_are_glasses_but_their_mask_is_not_judged(store):
    codes = store.labels.copy()
    codes[1][codes[1] == labels.PART["left_eye"]] = labels.PART["eyeglasses"]
    changed = type(store)(store.names, store.images, codes, store.landmarks, store.hand_made)
    s = sample(changed, 0, kinds=[])
    assert s.glasses.any()
    assert not s.judged[s.glasses > 0].any()
    assert (s.parts[s.glasses > 0] == labels.UNKNOWN).all()


def test_real_headwear_is_an_occluder_whose_part_is_unknown(store):
    codes = store.labels.copy()
    codes[1][codes[1] == labels.PART["left_brow"]] = labels.HEADWEAR
    s = sample(type(store)(store.names, store.images, codes, store.landmarks, store.hand_made), 0, kinds=[])
    hat = s.parts == labels.HEADWEAR
    assert hat.any()
    assert s.mask[hat].all()
    assert s.judged[hat].all()


def test_pixels_beyond_the_photograph_are_not_judged():
    points = face_points(center=(60, 160))
    image, codes, cut = cut_out(draw_face(points), points, None)
    assert (codes == labels.OUTSIDE).any()
    base = store_of(1)
    store = type(base)(base.names, image[None], codes[None], cut[None], np.array([False]))
    s = sample(store, 0, index=0)
    assert not s.judged[s.parts == labels.OUTSIDE].any()


def test_stored_faces_have_a_margin_around_the_crop():
    points = face_points()
    cut = to_crop(points, store_matrix(points))
    inner = to_crop(points, crop_matrix(points, SIDE))
    assert (cut - SIDE / 2) * MARGIN == pytest.approx(inner - SIDE / 2, abs=0.01)


def test_the_tracker_errs_around_the_middle():
    errors = np.array([tracker_error(np.random.default_rng(s), 128, 1.0) for s in range(400)])
    middle = errors @ [64, 64, 1]
    assert np.abs(middle[:, :2].mean(0) - 64).max() < 1.5
    assert 0.03 < np.std(np.log(np.linalg.det(errors[:, :2, :2]))) < 0.4
    assert tracker_error(np.random.default_rng(0), 128, 0.0) == pytest.approx(np.eye(3))


def test_the_camera_keeps_clean_and_covered_alike():
    image = draw_face(face_points(center=(64, 56), unit=26), 128)
    gaps = []
    for seed in range(20):
        clean, covered = photograph(image, image, np.random.default_rng(seed))
        assert clean.shape == covered.shape == image.shape
        gaps.append(np.abs(clean.astype(int) - covered).mean())
    assert min(gaps) == 0
    assert max(gaps) < 12


def test_batches_are_the_same_for_one_number_and_differ_between_numbers(store):
    def batches(seed):
        return Batches(store, np.arange(len(store)), library(), ((32, 3), (48, 2)), seed)

    first, again, other = batches(1)[5], batches(1)[5], batches(2)[5]
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["covered"], other["covered"])
    assert batches(1)[4]["covered"].shape == (3, 32, 32, 3)
    assert first["covered"].shape == (2, 48, 48, 3)


def test_a_resumed_loader_goes_on_where_it_was(store):
    batches = Batches(store, np.arange(len(store)), library(), ((32, 2),), 7)
    whole = [b["covered"] for b, _ in zip(loader(batches, 0, workers=0), range(4), strict=False)]
    rest = [b["covered"] for b, _ in zip(loader(batches, 2, workers=0), range(2), strict=False)]
    assert all(torch.equal(a, b) for a, b in zip(whole[2:], rest, strict=True))


def test_hand_made_maps_can_be_drawn_more_often(store):
    few = np.array([0, 2, 4, 6, 8, 1])  # one hand-made among six
    batch = Batches(store, few, library(), ((32, 40),), 0, hand_made_share=0.8)[0]
    known_background = (batch["parts"] == 0).flatten(1).any(1).float().mean()
    assert known_background > 0.6


def test_training_and_validation_share_no_face(store):
    training, validation = (set(faces_for(store, v).tolist()) for v in (False, True))
    assert not training & validation
    assert training | validation == set(range(len(store)))
    assert all(is_validation(store.names[i]) for i in validation)


def test_left_out_faces_are_left_out(store):
    assert 3 not in faces_for(store, False, [store.names[3]])


def test_network_input_is_minus_one_to_one(store):
    batch = stack([sample(store)])
    batch["covered"][0, 0, 0] = torch.tensor([0, 255, 51], dtype=torch.uint8)
    x = to_network(batch["covered"])
    assert x.shape == (1, 3, 64, 64)
    assert x[0, :, 0, 0].tolist() == pytest.approx([-1, 1, -0.6])
