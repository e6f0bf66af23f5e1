"""Live Link Face's packet, read back byte by byte as the engine reads it."""

import datetime
import struct
import uuid

import numpy as np
import pytest
from program_faces import NAMES, looking, make_face, make_result, turned

from realtime.outputs.programs import livelink
from realtime.outputs.programs.livelink import SHAPES, LiveLink, frame_time, subject_header
from realtime.outputs.programs.options import Address

# EARFaceBlendShape of the engine, abbreviated where it runs in pairs: what stands at some of its places.
PLACES = {0: "eyeBlinkLeft", 7: "eyeBlinkRight", 13: "eyeWideRight", 14: "jawForward", 15: "jawLeft", 17: "jawOpen"}
PLACES |= {21: "mouthLeft", 23: "mouthSmileLeft", 31: "mouthRollLower", 36: "mouthPressRight", 40: "mouthUpperUpRight"}
PLACES |= {41: "browDownLeft", 43: "browInnerUp", 46: "cheekPuff", 50: "noseSneerRight", 51: "tongueOut"}


class Reader:
    """FNboSerializeFromBuffer, as far as it is needed."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(">" + layout)
        return values if len(values) > 1 else values[0]

    def string(self):
        size = self.take("i")
        self.at += size
        return self.data[self.at - size : self.at].decode()


def read(data):
    reader = Reader(data)
    version, device, subject = reader.take("B"), reader.string(), reader.string()
    time, count = reader.take("ifii"), reader.take("B")
    values = reader.take(f"{count}f")
    assert reader.at == len(data)
    return version, device, subject, time, values


def send(listener, *results, faces=1):
    with LiveLink(Address("127.0.0.1", listener.port), faces, NAMES) as sink:
        for result in results:
            sink.write(result, None)
    return [read(datagram) for datagram in listener.rest()]


def test_the_packet(listener):
    ((version, device, subject, time, values),) = send(listener, make_result(make_face(jawOpen=0.25)))
    assert version == 6
    assert str(uuid.UUID(device)).upper() == device  # 36 characters
    assert subject == "contourface"
    assert time[2:] == (60, 1)
    assert len(values) == 61
    assert [index for index, value in enumerate(values) if value] == [17]
    assert values[17] == 0.25


def test_golden_bytes(monkeypatch):
    """Version, a length of 36, the id, a length of 11, the name: as PyLiveLinkFace takes it apart at fixed places."""
    monkeypatch.setattr(livelink.platform, "node", lambda: "desk")
    header = subject_header(0)
    assert header[:5] == b"\x06\0\0\0\x24"
    assert header[41:45] == b"\0\0\0\x0b"
    assert header[45:] == b"contourface"
    assert frame_time(datetime.datetime(2026, 3, 1, 0, 0, 1, 508_000)) == bytes.fromhex(
        "0000005a 3ef5c28f 0000003c 00000001".replace(" ", "")
    )  # frame 90, 0.48 of the next, 60 / 1


def test_the_order_of_the_shapes():
    assert len(set(SHAPES)) == 52
    assert {index: SHAPES[index] for index in PLACES} == PLACES


def test_every_shape_arrives_at_its_place(listener):
    results = [make_result(make_face(**{name: 1.0})) for name in SHAPES]
    places = [values.index(1.0) for *_, values in send(listener, *results)]
    assert places == list(range(52))


def test_angles_are_radians_yaw_first(listener):
    face = make_face(turned(10, 20, -30), right=looking(5, 7), left=looking(-4, -8))
    ((*_, values),) = send(listener, make_result(face))
    assert np.degrees(values[52:]) == pytest.approx([20, 10, -30, -8, -4, 0, 7, 5, 0], abs=1e-3)


def test_the_time_code_is_the_capture(listener, monkeypatch):
    monkeypatch.setattr(livelink.time, "time", lambda: 1_000_000.0)
    monkeypatch.setattr(livelink.time, "monotonic", lambda: 40.0)
    packets = send(listener, *(make_result(make_face(), captured=40.0 + step) for step in (0.0, 0.5, 0.7125)))
    noon = datetime.datetime.fromtimestamp(1_000_000.0)
    start = (noon.hour * 3600 + noon.minute * 60 + noon.second) * 60
    assert [frame - start + part for _, _, _, (frame, part, _, _), _ in packets] == pytest.approx(
        [0, 30, 42.75], abs=1e-3
    )


def test_faces_are_subjects_that_stay(listener):
    one, two = make_face(id_=5, jawOpen=0.1), make_face(id_=8, jawOpen=0.8)
    packets = send(listener, make_result(one, two), make_result(two, one), make_result(two), faces=2)
    opened = [(subject, round(values[17], 1)) for _, _, subject, _, values in packets]
    assert opened == [("contourface", 0.1), ("contourface-2", 0.8)] * 2 + [("contourface-2", 0.8)]
    assert len({device for _, device, *_ in packets}) == 2


def test_nothing_is_sent_without_a_face(listener):
    assert send(listener, make_result()) == []
