"""Faces whose pose, gaze and expression are known, and ports that listen to what is sent about them."""

import socket
from contextlib import contextmanager

import numpy as np

from realtime.camera import FACING, make_pose, rotation_from_vector
from realtime.frames import Camera, Coefficients, FaceState, Frame, FrameResult
from realtime.outputs.programs.livelink import SHAPES

NAMES = tuple(sorted(SHAPES))  # the model's order: by name
STRAIGHT = (0.0, 0.0, 1.0)  # gaze in the head frame


def turned(pitch=0.0, yaw=0.0, roll=0.0):
    """The head's rotation in ARKit's axes: degrees; roll first, then pitch, then yaw."""
    about_x, about_y, about_z = (
        rotation_from_vector(np.radians(angle) * axis)
        for angle, axis in zip((pitch, yaw, roll), np.eye(3), strict=True)
    )
    return about_y @ about_x @ about_z


def looking(pitch=0.0, yaw=0.0):
    """Where an eye looks, head frame: degrees down and towards the person's left."""
    pitch, yaw = np.radians((pitch, yaw))
    return np.array([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)])


def make_face(rotation=None, position=(0.0, 0.0, 600.0), right=STRAIGHT, left=STRAIGHT, id_=0, **shapes):
    """A face; position in mm, camera frame; shapes by ARKit's names."""
    pose = make_pose(FACING @ (np.eye(3) if rotation is None else rotation), np.asarray(position))
    expression = np.zeros(52, np.float32)
    for name, value in shapes.items():
        expression[NAMES.index(name)] = value
    nothing = np.zeros((1, 3), np.float32)
    return FaceState(
        id=id_,
        coefficients=Coefficients(nothing[0], expression, pose, nothing[0], np.zeros(27, np.float32)),
        vertices=nothing,
        neutral=nothing,
        landmarks=np.zeros((478, 2), np.float32),
        bump=np.zeros((1, 1), np.float16),
        visibility=np.ones(1, np.float32),
        gaze=(np.array([right, left]) @ pose[:3, :3].T).astype(np.float32),
    )


def make_result(*faces, captured=100.0, time=0.0, index=0):
    frame = Frame(np.zeros((48, 64, 3), np.uint8), captured, time, index, f"frame_{index:06d}")
    return FrameResult(frame, Camera(60.0, (32.0, 24.0)), faces)


class Listener:
    """A UDP port that somebody sends to."""

    def __init__(self, port=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(2.0)
        self.port = self.socket.getsockname()[1]

    def get(self):
        return self.socket.recv(65536)

    def rest(self):
        """What has come; on one machine a datagram is there as soon as it is sent."""
        self.socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self.socket.recv(65536))
        except BlockingIOError:
            return found
        finally:
            self.socket.settimeout(2.0)

    def close(self):
        self.socket.close()


@contextmanager
def neighbours(count):
    """Listeners at ports one after the other."""
    for _ in range(50):
        found = [Listener()]
        try:
            found += [Listener(found[0].port + number) for number in range(1, count)]
        except (OSError, OverflowError):
            [listener.close() for listener in found]
            continue
        try:
            yield found
        finally:
            [listener.close() for listener in found]
        return
    raise RuntimeError("no ports")
