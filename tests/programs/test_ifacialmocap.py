"""iFacialMocap's text, held against the example that its makers publish."""

import re

import numpy as np
import pytest
from program_faces import NAMES, looking, make_face, make_result, neighbours, turned

from realtime.outputs.programs.ifacialmocap import IFacialMocap, short_name
from realtime.outputs.programs.options import Address

# The example in https://www.ifacialmocap.com/for-developer/, names in its order.
EXAMPLE = """
    mouthSmile_R eyeLookOut_L mouthUpperUp_L eyeWide_R mouthClose mouthPucker mouthRollLower eyeBlink_R eyeLookDown_L
    cheekSquint_R eyeBlink_L tongueOut jawRight eyeLookIn_R cheekSquint_L mouthDimple_L mouthPress_L eyeSquint_L
    mouthRight mouthShrugLower eyeLookUp_R eyeLookOut_R mouthPress_R cheekPuff jawForward mouthLowerDown_L mouthFrown_L
    mouthShrugUpper browOuterUp_L browInnerUp mouthDimple_R browDown_R mouthUpperUp_R mouthRollUpper mouthFunnel
    mouthStretch_R mouthFrown_R eyeLookDown_R jawOpen jawLeft browDown_L mouthSmile_L noseSneer_R mouthLowerDown_R
    noseSneer_L eyeWide_L mouthStretch_L browOuterUp_R eyeLookIn_L eyeSquint_R eyeLookUp_L mouthLeft
"""
EXAMPLE_NAMES = EXAMPLE.split()
NUMBER = r"-?\d+(?:\.\d+)?"


def parse(text):
    """What a receiver makes of it, strictly: shapes, head, right eye, left eye."""
    shapes, rest = text.split("=")  # one of them in the whole text
    found = dict(re.fullmatch(r"(\w+)-(\d{1,3})", part).groups() for part in shapes.split("|")[:-1])
    six, three = ",".join([NUMBER] * 6), ",".join([NUMBER] * 3)
    bones = re.fullmatch(rf"head#({six})\|rightEye#({three})\|leftEye#({three})\|", rest).groups()
    return {name: int(value) for name, value in found.items()}, *(np.fromstring(bone, sep=",") for bone in bones)


def send(listener, *faces):
    with IFacialMocap(Address("127.0.0.1", listener.port), 1, NAMES) as sink:
        sink.write(make_result(*faces), None)
    (datagram,) = listener.rest()
    return parse(datagram.decode("ascii"))


def test_names_are_the_examples():
    assert sorted(map(short_name, NAMES)) == sorted(EXAMPLE_NAMES)


def test_values_are_whole_numbers_to_a_hundred(listener):
    shapes, *_ = send(listener, make_face(jawOpen=0.126, mouthSmileLeft=1.4, jawLeft=0.004, mouthLeft=0.5))
    assert set(shapes) == set(EXAMPLE_NAMES)
    assert (shapes["jawOpen"], shapes["mouthSmile_L"], shapes["jawLeft"], shapes["mouthLeft"]) == (13, 100, 0, 50)


def test_the_head_in_degrees_and_metres(listener):
    _, head, _, _ = send(listener, make_face(turned(-21, -6, -7), position=(-30, 100, 660)))
    assert head == pytest.approx([-21, -6, -7, -0.03, -0.1, -0.66], abs=1e-3)


def test_eyes_have_the_examples_signs(listener):
    """In the example both eyes look down (eyeLookDown 17) at +6 degrees, and inwards at +2.4 (right), -1.7 (left)."""
    _, _, right, left = send(listener, make_face(right=looking(6.03, 2.44), left=looking(6.03, -1.67)))
    assert right == pytest.approx([6.03, 2.44, 0], abs=1e-3)
    assert left == pytest.approx([6.03, -1.67, 0], abs=1e-3)


def test_inwards_for_the_right_eye_is_the_persons_left():
    assert looking(yaw=10)[0] > 0  # head frame: x to the person's left


def test_nothing_is_sent_without_a_face(listener):
    with IFacialMocap(Address("127.0.0.1", listener.port), 1, NAMES) as sink:
        sink.write(make_result(), None)
    assert listener.rest() == []


def test_each_face_has_a_port():
    with neighbours(2) as (first, second):
        with IFacialMocap(Address("127.0.0.1", first.port), 2, NAMES) as sink:
            sink.write(make_result(make_face(id_=1, jawOpen=0.1), make_face(id_=2, jawOpen=0.9)), None)
            sink.write(make_result(make_face(id_=2, jawOpen=0.9), make_face(id_=1, jawOpen=0.1)), None)
        opened = [{parse(each.decode())[0]["jawOpen"] for each in listener.rest()} for listener in (first, second)]
    assert opened == [{10}, {90}]
