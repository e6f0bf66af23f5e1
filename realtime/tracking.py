"""Finds faces and follows them: MediaPipe behind an interface, and identities that stay with the person."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from realtime.frames import Array, Frame, Image, TrackedFace
from realtime.quiet import quiet_native_logs

LANDMARKS = 478
# One point of a landmark list on the wire: a message of 15 bytes that holds x, y and z, a tag before each of them.
POINT_BYTES = 17
POINT_TAGS = (0, 1, 2, 7, 12)
POINT_TAG_VALUES = (0x0A, 15, 0x0D, 0x15, 0x1D)
POINT_VALUES = [at + byte for at in (3, 8, 13) for byte in range(4)]
LARGEST_SIDE = 1280  # px; larger pictures are shrunk: the tracker's own input is 192 px of a face
SMALLEST_SIDE = 64  # px; smaller ones are enlarged: below 32 the detector finds nothing

SAME_FACE = 0.6  # a face that moved by less than this share of its size is the same
TWICE_FACE = 0.25  # two faces nearer than this share of their size are one, found twice
MEMORY = 1.0  # seconds that a lost face is waited for
INSIDE = 0.15  # the least share of a face's points that must lie in the picture


class Tracker(Protocol):
    """Finds the faces in one frame after the other."""

    def track(self, frame: Frame) -> list[TrackedFace]:
        """The faces in a frame, largest first."""
        ...

    def close(self) -> None:
        """Gives back what the tracker holds."""
        ...


@dataclass
class _Person:
    id: int
    center: Array  # (2,) px
    size: float  # px
    seen: float  # seconds, the source's time line
    present: bool  # in the frame before


def face_size(landmarks: Array) -> float:
    """A face's size: the mean side of the box around its landmarks, px."""
    extent = np.ptp(landmarks[:, :2], axis=0)
    return float(math.sqrt(max(extent[0] * extent[1], 1e-6)))


class Identities:
    """Gives each face the number that it had in the frame before.

    Args:
        forget: seconds of the source's time line after which a lost face's number is not used again.
    """

    def __init__(self, forget: float = MEMORY) -> None:
        self._forget = forget
        self._people: list[_Person] = []
        self._next = 0

    def assign(self, faces: list[Array], time: float) -> list[TrackedFace]:
        """Numbers the faces of one frame.

        Args:
            faces: (478, 3) px each.
            time: seconds, the source's time line.

        Returns:
            The faces, largest first; one found twice appears once.
        """
        self._people = [person for person in self._people if time - person.seen <= self._forget]
        faces = _without_doubles(sorted(faces, key=face_size, reverse=True))
        centers = [face[:, :2].mean(0) for face in faces]
        sizes = [face_size(face) for face in faces]
        owners = self._matches(centers, sizes)
        tracked = []
        for number, (face, center, size) in enumerate(zip(faces, centers, sizes, strict=True)):
            person = owners.get(number)
            if person is None:
                person = _Person(self._next, center, size, time, present=False)
                self._people.append(person)
                self._next += 1
            tracked.append(TrackedFace(person.id, face, is_new=not person.present))
            person.center, person.size, person.seen, person.present = center, size, time, True
        here = {face.id for face in tracked}
        for person in self._people:
            person.present = person.id in here
        return tracked

    def _matches(self, centers: list[Array], sizes: list[float]) -> dict[int, _Person]:
        """Which face is whom: the nearest pairs first, near meaning within `SAME_FACE` of the size."""
        pairs = []
        for number, (center, size) in enumerate(zip(centers, sizes, strict=True)):
            for person in self._people:
                scale = math.sqrt(size * person.size)
                # A change of size counts as distance too: a big face in front of a small one is another.
                apart = float(np.hypot(*(center - person.center))) / scale + abs(math.log(size / person.size)) / 2
                if apart < SAME_FACE:
                    pairs.append((not person.present, apart, number, person))
        owners: dict[int, _Person] = {}
        taken: set[int] = set()
        for _, _, number, person in sorted(pairs, key=lambda pair: pair[:3]):
            if number not in owners and person.id not in taken:
                owners[number] = person
                taken.add(person.id)
        return owners


def _without_doubles(faces: list[Array]) -> list[Array]:
    """The faces (largest first) without those that lie on a larger one."""
    kept: list[Array] = []
    for face in faces:
        center = face[:, :2].mean(0)
        if all(np.hypot(*(center - other[:, :2].mean(0))) > TWICE_FACE * face_size(other) for other in kept):
            kept.append(face)
    return kept


def fit_for_tracker(image: Image) -> Image:
    """The picture at a size that the tracker can work on; its normalised results hold for the original."""
    height, width = image.shape[:2]
    scale = min(LARGEST_SIDE / max(height, width), 1.0)
    scale = max(scale, SMALLEST_SIDE / max(height, width))
    if scale == 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


class MediaPipeTracker:
    """MediaPipe's FaceMesh with refined eyes and lips, 478 points.

    Args:
        max_faces: how many faces to follow.
        stills: every picture is of somebody else; nothing is carried from one to the next.
    """

    def __init__(self, max_faces: int = 1, stills: bool = False) -> None:
        self._stills = stills
        self._identities = Identities()
        self._next_still = 0
        self._found_before = 0
        self._quiet = True  # until the networks have run once, they print
        with quiet_native_logs():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh = FaceMesh(static_image_mode=stills, max_num_faces=max_faces, refine_landmarks=True)
            self._mesh.process(np.zeros((SMALLEST_SIDE, SMALLEST_SIDE, 3), np.uint8))  # until all has started

    def track(self, frame: Frame) -> list[TrackedFace]:
        """The faces in a frame, largest first."""
        image = fit_for_tracker(frame.image)
        faces = self._find(image)
        if not faces and self._found_before and not self._stills:
            # MediaPipe searched only where the face was. After a cut it is elsewhere: search everywhere.
            faces = self._find(image)
        self._found_before = len(faces)
        height, width = frame.image.shape[:2]
        # z has the scale of x. A face that is all but outside is a guess.
        faces = [face * np.array([width, height, width], np.float32) for face in faces if _share_inside(face) >= INSIDE]
        if not self._stills:
            return self._identities.assign(faces, frame.time)
        faces = _without_doubles(sorted(faces, key=face_size, reverse=True))
        first, self._next_still = self._next_still, self._next_still + len(faces)
        return [TrackedFace(first + number, face, is_new=True) for number, face in enumerate(faces)]

    def close(self) -> None:
        """Stops MediaPipe's threads."""
        self._mesh.close()

    def _find(self, image: Image) -> list[Array]:
        """Landmarks of all faces, (478, 3) each, normalised to the picture's width and height."""
        if self._quiet:
            with quiet_native_logs():
                found = self._mesh.process(image).multi_face_landmarks or []
            self._quiet = not found
        else:
            found = self._mesh.process(image).multi_face_landmarks or []
        return [_as_array(face) for face in found]


def _as_array(face: Any) -> Array:
    """MediaPipe's list of points as (478, 3) float32.

    Read from the message's bytes, a tenth of the time that asking every point for its coordinates takes.
    """
    content = np.frombuffer(face.SerializeToString(), np.uint8)
    if content.size == LANDMARKS * POINT_BYTES:
        points = content.reshape(LANDMARKS, POINT_BYTES)
        if (points[:, list(POINT_TAGS)] == POINT_TAG_VALUES).all():
            return np.ascontiguousarray(points[:, POINT_VALUES]).view("<f4").astype(np.float32)
    return np.array([(point.x, point.y, point.z) for point in face.landmark], np.float32)


def _share_inside(face: Array) -> float:
    """The share of a face's normalised points that lie in the picture."""
    return float(((face[:, :2] >= 0) & (face[:, :2] <= 1)).all(1).mean())
