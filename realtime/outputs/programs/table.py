"""`--csv`: a row per face and frame, for spreadsheets, pandas and anything that reads numbers.

Columns:

    frame        number of the frame, from 0
    time_s       where it lies in the source's own time line
    captured     when it reached this program, seconds since 1970 (UTC)
    face         the track's id: stays with the person while the face is followed
    x_mm ...     the head's origin in the camera's frame: x right, y down, z forward
    pitch_deg ... of the head: looking down, to the person's left, towards the person's right shoulder
    right_eye_pitch_deg ...  of the eyes relative to the head, likewise
    then the 52 blendshapes by ARKit's names, 0..1

A frame without a face has no row. Every row is handed to the system as it is made, so that a table that is cut short
is whole up to its last line.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from realtime.errors import UserError
from realtime.frames import FaceState, FrameResult, Image
from realtime.outputs.paths import check_writable
from realtime.outputs.programs.conventions import head_of, shapes_of

COLUMNS = (
    *("frame", "time_s", "captured", "face"),
    *("x_mm", "y_mm", "z_mm", "pitch_deg", "yaw_deg", "roll_deg"),
    *("right_eye_pitch_deg", "right_eye_yaw_deg", "left_eye_pitch_deg", "left_eye_yaw_deg"),
)


class Table:
    """A sink that writes a CSV file.

    Args:
        path: where to; what is there is replaced.
        names: the blendshapes, in the order of the coefficients.

    Raises:
        UserError: the file cannot be written.
    """

    needs_picture = False

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        check_writable(path)
        self._path = path
        self._wall = time.time() - time.monotonic()
        try:
            self._file = path.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise self._failed(error) from error
        self._writer = csv.writer(self._file)
        self._write([[*COLUMNS, *names]])

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Writes one frame's rows; the drawn picture is not part of them."""
        frame = result.frame
        start = [frame.index, f"{frame.time:.6f}", f"{frame.captured + self._wall:.6f}"]
        self._write([[*start, face.id, *face_columns(face)] for face in result.faces])

    def __enter__(self) -> Table:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._file.close()
        except OSError as failure:
            if error is None:  # the error under way says more
                raise self._failed(failure) from failure

    def _write(self, rows: Sequence[Sequence[object]]) -> None:
        try:
            self._writer.writerows(rows)
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> UserError:
        reason = (error.strerror or str(error)).lower()
        return UserError(f"{self._path} cannot be written: {reason}.", "Make room, or name another file with --csv.")


def face_columns(face: FaceState) -> list[str]:
    """The columns after the face's id."""
    head = head_of(face)
    position = np.nan_to_num(np.asarray(face.coefficients.pose, np.float64)[:3, 3])
    places = [f"{value:.2f}" for value in position]
    angles = [f"{value:.3f}" for value in np.degrees([*head.angles, *head.eyes.ravel()])]
    return [*places, *angles, *(f"{value:.4f}" for value in shapes_of(face))]
