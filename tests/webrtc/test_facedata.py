from __future__ import annotations

import json

import numpy as np
import pytest

from realtime.outputs.webrtc.facedata import FACE, HEADER, face_message, quaternion, schema

from .fakes import SHAPES, picture, result


def test_json_and_binary_say_the_same():
    message = face_message(result(1234, picture(0)), 5, (640, 480))
    said = json.loads(message.as_json(100))
    magic, version, count, reserved, rtp, frame = HEADER.unpack(message.as_binary(100)[: HEADER.size])
    assert (magic, version, count, reserved) == (b"FACE", 1, 1, 0)
    assert said["rtp"] == rtp == 105
    assert said["frame"] == frame == 1234
    assert said["size"] == [640, 480]
    face, numbers = said["faces"][0], FACE.unpack(message.as_binary(100)[HEADER.size :])
    assert face["id"] == numbers[0] == 7
    assert face["position"] == pytest.approx(numbers[1:4]) == [1, 2, 600]
    assert face["rotation"] == pytest.approx(numbers[4:8]) == [0, 0, 0, 1]
    assert face["gaze"][1] == pytest.approx(numbers[11:14]) == [0, 0, -1]
    assert face["hidden"] == numbers[14] == 0
    assert len(face["blendshapes"]) == len(numbers[15:]) == 52
    assert face["blendshapes"][0] == pytest.approx(0.1234, abs=1e-4)


def test_time_stamps_wrap():
    message = face_message(result(1, picture(0)), 10, (640, 480))
    assert json.loads(message.as_json(0xFFFFFFFF))["rtp"] == 9


def test_hidden_is_the_covered_share_of_the_landmarks():
    occlusion = np.zeros((480, 640), np.uint8)
    occlusion[:, :239] = 255  # the fake face's landmarks lie at x = 0..477
    message = face_message(result(1, picture(0), occlusion), 0, (640, 480))
    assert json.loads(message.as_json(0))["faces"][0]["hidden"] == 0.5


def test_what_is_not_a_number_becomes_zero():
    shown = result(1, picture(0))
    shown.faces[0].coefficients.expression[:] = np.nan
    assert json.loads(face_message(shown, 0, (640, 480)).as_json(0))["faces"][0]["blendshapes"] == [0] * 52


def test_quaternions_of_known_and_random_rotations():
    assert quaternion(np.diag([1.0, -1.0, -1.0])) == (1, 0, 0, 0)
    noise = np.random.default_rng(1)
    for _ in range(50):
        rotation, _ = np.linalg.qr(noise.normal(size=(3, 3)))
        rotation *= np.linalg.det(rotation)
        x, y, z, w = quaternion(rotation)
        back = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
        np.testing.assert_allclose(back, rotation, atol=1e-9)


def test_schema_describes_what_is_sent():
    said = json.loads(face_message(result(1, picture(0)), 0, (640, 480)).as_json(0))
    known = schema(SHAPES)
    assert set(said) == set(known["required"]) == set(known["properties"])
    face = known["properties"]["faces"]["items"]
    assert set(said["faces"][0]) == set(face["required"])
    for name, value in said["faces"][0].items():
        if face["properties"][name]["type"] == "array":
            assert len(value) == face["properties"][name]["minItems"]
    assert known["blendshapeNames"] == list(SHAPES)
    assert known["binary"]["headerBytes"] == 16
    assert known["binary"]["faceBytes"] == 4 * 67
