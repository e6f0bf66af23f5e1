"""What a VMC receiver hears, decoded by python-osc."""

import numpy as np
import pytest
from program_faces import NAMES, looking, make_face, make_result, neighbours, turned

from realtime.outputs.programs.options import Address
from realtime.outputs.programs.vmc import LARGEST, Vmc

osc_packet = pytest.importorskip("pythonosc.osc_packet")


def read(datagrams):
    """(address, arguments) in order."""
    messages = [timed.message for each in datagrams for timed in osc_packet.OscPacket(each).messages]
    return [(message.address, message.params) for message in messages]


def send(listener, *results, faces=1):
    with Vmc(Address("127.0.0.1", listener.port), faces, NAMES) as sink:
        for result in results:
            sink.write(result, None)
    return read(listener.rest())


def bones(messages):
    return {arguments[0]: arguments[1:] for address, arguments in messages if address == "/VMC/Ext/Bone/Pos"}


def test_a_frames_messages_in_order(listener):
    messages = send(listener, make_result(make_face(jawOpen=0.5, eyeBlinkLeft=1.0)))
    addresses = [address for address, _ in messages]
    assert addresses[:2] == ["/VMC/Ext/OK", "/VMC/Ext/T"]
    assert addresses[2:6] == ["/VMC/Ext/Bone/Pos"] * 3 + ["/VMC/Ext/Tra/Pos"]
    assert addresses[6:] == ["/VMC/Ext/Blend/Val"] * 52 + ["/VMC/Ext/Blend/Apply"]
    shapes = dict(arguments for address, arguments in messages if address == "/VMC/Ext/Blend/Val")
    assert set(shapes) == set(NAMES)
    assert (shapes["jawOpen"], shapes["eyeBlinkLeft"], shapes["eyeBlinkRight"]) == (0.5, 1.0, 0.0)
    assert messages[0][1] == [1]
    assert messages[-1][1] == []


def test_bones_of_a_known_head(listener):
    face = make_face(turned(yaw=90), right=looking(pitch=30), left=looking(yaw=-20))
    found = bones(send(listener, make_result(face)))
    assert set(found) == {"Head", "LeftEye", "RightEye"}
    half, fifteen, ten = np.sqrt(0.5), np.radians(15), np.radians(10)
    assert found["Head"] == pytest.approx([0, 0, 0, 0, -half, 0, half], abs=1e-6)
    assert found["RightEye"] == pytest.approx([0, 0, 0, np.sin(fifteen), 0, 0, np.cos(fifteen)], abs=1e-6)
    assert found["LeftEye"] == pytest.approx([0, 0, 0, 0, np.sin(ten), 0, np.cos(ten)], abs=1e-6)


def test_the_place_of_the_head_and_its_id(listener):
    messages = send(listener, make_result(make_face(position=(-200, -100, 800), id_=12)))
    ((serial, *place),) = [arguments for address, arguments in messages if address == "/VMC/Ext/Tra/Pos"]
    assert serial == "face 12"
    assert place == pytest.approx([0.2, 0.1, -0.8, 0, 0, 0, 1], abs=1e-6)


def test_time_is_that_of_capture(listener):
    results = [make_result(make_face(), captured=5_000_000 + step) for step in (0, 0.033, 0.1)]
    times = [arguments[0] for address, arguments in send(listener, *results) if address == "/VMC/Ext/T"]
    assert times == pytest.approx([0, 0.033, 0.1], abs=1e-6)


def test_without_a_face_only_that_is_told(listener):
    assert send(listener, make_result()) == [("/VMC/Ext/OK", [0]), ("/VMC/Ext/T", [0.0])]


def test_datagrams_fit_into_a_packet(listener):
    with Vmc(Address("127.0.0.1", listener.port), 1, NAMES) as sink:
        sink.write(make_result(make_face()), None)
    datagrams = listener.rest()
    assert 1 < len(datagrams) <= 3
    assert max(map(len, datagrams)) <= LARGEST


def test_each_face_has_a_port():
    with neighbours(3) as listeners:
        with Vmc(Address("127.0.0.1", listeners[0].port), 3, NAMES) as sink:
            sink.write(make_result(make_face(turned(yaw=30), id_=4), make_face(turned(yaw=-30), id_=9)), None)
            sink.write(make_result(make_face(turned(yaw=-30), id_=9)), None)  # the first has gone
        heard = [read(listener.rest()) for listener in listeners]
    assert [arguments for address, arguments in heard[0] if address == "/VMC/Ext/OK"] == [[1], [0]]
    assert [arguments for address, arguments in heard[1] if address == "/VMC/Ext/OK"] == [[1], [1]]
    assert heard[2] == []
    assert bones(heard[0])["Head"][4] < 0 < bones(heard[1])["Head"][4]
