"""Averaging over a crop and its mirror image."""

from __future__ import annotations

import numpy as np
import pytest

from engines.engine import SPECS, get_spec
from realtime.frames import PART_NAMES
from realtime.several_looks import SWAPPED, SeveralLooks, mirrored


class Recorded:
    """An engine that answers with a function of its inputs, and remembers them."""

    device, precision, why = "cpu", "f32", "because"

    def __init__(self, name: str, answer) -> None:
        self.spec, self._answer, self.asked = get_spec(name), answer, []
        self.inputs = {tensor.name: np.zeros(tensor.shape, np.float32) for tensor in self.spec.inputs}

    def run(self, **arrays):
        for name, array in arrays.items():
            self.inputs[name][:] = array
        self.asked.append({name: array.copy() for name, array in self.inputs.items()})
        return self._answer(self.inputs)


def random_inputs(engine: Recorded) -> None:
    rng = np.random.default_rng(5)
    for array in engine.inputs.values():
        array[:] = rng.uniform(-1, 1, array.shape)


def test_left_and_right_parts_change_places():
    for index, name in enumerate(PART_NAMES):
        other = PART_NAMES[SWAPPED[index]]
        assert other.replace("left", "right") == name.replace("left", "right")
        assert (other == name) == ("left" not in name and "right" not in name)


def test_mirroring_twice_changes_nothing():
    parts = np.random.default_rng(1).random((1, len(PART_NAMES), 4, 6), np.float32)
    np.testing.assert_array_equal(mirrored("parts", mirrored("parts", parts)), parts)


def test_a_left_eye_in_the_mirror_is_a_right_eye_on_the_other_side():
    parts = np.zeros((1, len(PART_NAMES), 2, 4), np.float32)
    parts[0, PART_NAMES.index("left_eye"), 1, 0] = 1
    assert np.argwhere(mirrored("parts", parts)).tolist() == [[0, PART_NAMES.index("right_eye"), 1, 3]]


def contour_that_copies(inputs):
    """A network that treats all places and sides alike: the average is what it says anyhow."""
    image = inputs["image"]
    parts = np.repeat(image[:, :1], len(PART_NAMES), 1)
    return {"mask": image[:, 1:2].copy(), "parts": parts}


def test_an_even_handed_network_says_the_same():
    engine = Recorded("contour", contour_that_copies)
    random_inputs(engine)
    plain = contour_that_copies(engine.inputs)
    for name, output in SeveralLooks(engine).run().items():
        np.testing.assert_allclose(output, plain[name], atol=1e-6)


def test_a_bias_to_one_side_is_averaged_out():
    def leaning(inputs):
        mask = np.zeros((1, 1, 128, 128), np.float32)
        mask[..., :64] = 1
        return {"mask": mask, "parts": np.zeros((1, len(PART_NAMES), 128, 128), np.float32)}

    assert np.unique(SeveralLooks(Recorded("contour", leaning)).run()["mask"]) == pytest.approx([0.5])


def test_inputs_are_left_as_they_were_and_outputs_are_no_buffers():
    held = {
        "mask": np.ones((1, 1, 128, 128), np.float32),
        "parts": np.ones((1, len(PART_NAMES), 128, 128), np.float32),
    }
    engine = Recorded("contour", lambda _: held)
    random_inputs(engine)
    before = engine.inputs["image"].copy()
    outputs = SeveralLooks(engine).run()
    np.testing.assert_array_equal(engine.inputs["image"], before)
    np.testing.assert_array_equal(engine.asked[1]["image"], before[..., ::-1])
    assert outputs["mask"] is not held["mask"]
    assert (held["mask"] == 1).all()


def test_all_inputs_of_the_completion_are_mirrored():
    engine = Recorded("completion", lambda inputs: {"complete": inputs["image"] * 2})
    random_inputs(engine)
    expected = engine.inputs["image"] * 2
    np.testing.assert_allclose(SeveralLooks(engine).run()["complete"], expected, atol=1e-6)
    first, second = engine.asked
    for tensor in SPECS["completion"].inputs:
        np.testing.assert_array_equal(second[tensor.name], mirrored(tensor.name, first[tensor.name]))


def test_it_says_what_it_does():
    engine = SeveralLooks(Recorded("contour", contour_that_copies))
    assert engine.why == "because; 2 looks at crop and mirror image averaged"
    assert (engine.device, engine.precision, engine.spec.name) == ("cpu", "f32", "contour")


def test_the_mirror_image_may_be_seen_by_a_larger_engine():
    small, large = Recorded("contour", contour_that_copies), Recorded("contour", contour_that_copies)
    large.inputs = {"image": np.zeros((1, 3, 256, 256), np.float32)}
    small.inputs["image"][:] = np.linspace(-1, 1, 128, dtype=np.float32)
    found = SeveralLooks(small, large).run()
    # What is brighter to the right is darker to the right in the mirror.
    assert large.asked[0]["image"].shape[-1] == 256
    assert (np.diff(large.asked[0]["image"][0, 0, 0]) <= 0).all()
    np.testing.assert_allclose(found["mask"], small.inputs["image"][:, 1:2], atol=0.02)
    assert found["parts"].shape == (1, len(PART_NAMES), 128, 128)


def test_the_first_engine_may_look_again_after_others():
    first, other = (Recorded("contour", contour_that_copies) for _ in range(2))
    other.inputs = {"image": np.zeros((1, 3, 64, 64), np.float32)}
    random_inputs(first)
    given = first.inputs["image"].copy()
    SeveralLooks(first, other, other, first).run()
    assert [asked["image"].shape[-1] for asked in (*first.asked, *other.asked)] == [128, 128, 64, 64]
    np.testing.assert_array_equal(first.asked[1]["image"], given[..., ::-1])
    np.testing.assert_allclose(other.asked[1]["image"], other.asked[0]["image"][..., ::-1], atol=1e-5)
    np.testing.assert_array_equal(first.inputs["image"], given)


def test_looks_alternate_between_the_crop_and_its_mirror_image():
    """Each tells its own share, and what the mirror image says comes back the right way round."""

    def left_bright(share):
        def answer(inputs):
            side = inputs["image"].shape[-1]
            mask = np.full((1, 1, side, side), share, np.float32)
            mask[..., : side // 2] += 0.3
            return {"mask": mask, "parts": np.zeros((1, len(PART_NAMES), side, side), np.float32)}

        return answer

    engines = [Recorded("contour", left_bright(share)) for share in (0.0, 0.3, 0.6)]
    for engine in engines[1:]:
        engine.inputs = {"image": np.zeros((1, 3, 64, 64), np.float32)}
    engines[0].inputs["image"][:] = np.linspace(-1, 1, 128, dtype=np.float32)
    mask = SeveralLooks(*engines).run()["mask"][0, 0]
    seen = [engine.asked[0]["image"][0, 0, 0] for engine in engines]
    assert [np.sign(row[-1] - row[0]) for row in seen] == [1, -1, 1]
    np.testing.assert_allclose(mask[0, [10, 120]], [(0 + 0.3 + 0.6 + 0.6) / 3, (0.9 + 0.3) / 3], atol=1e-5)
