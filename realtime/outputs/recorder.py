"""Records what is shown: H.264 in an MP4 that stays playable when the program is cut short."""

from __future__ import annotations

import errno
import logging
import threading
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from realtime.errors import UserError
from realtime.frames import FrameResult, Image
from realtime.mailbox import Finished, Mailbox
from realtime.outputs.paths import check_writable
from realtime.sources.base import pad

log = logging.getLogger(__name__)

WAITING = 4  # pictures between the drawing thread and the encoder's
TIME_BASE = Fraction(1, 90_000)
NOMINAL_RATE = 30  # frames per second: for the encoder's rate control; the times in the file are the true ones
KEYFRAME_EVERY = 30  # frames; also how much a killed program loses
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # no room, or none left for this user
# A fragmented file is playable up to its last fragment at any moment; when it is closed properly,
# `hybrid_fragmented` turns it into a plain MP4, which every player can seek in.
CONTAINER = {"movflags": "+hybrid_fragmented+frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
# Half the processor time of "superfast", for files a fifth larger: the frame loop needs it more.
ENCODER = {"preset": "ultrafast", "crf": "20", "threads": "1"}


class Recorder:
    """A sink that writes an MP4 on its own thread.

    Args:
        path: where to; its folder must exist.
        lossless: wait for the encoder when it is behind; otherwise pictures are left out.

    Raises:
        UserError: the file cannot be written.
    """

    needs_picture = True

    def __init__(self, path: Path, lossless: bool) -> None:
        if path.suffix.lower() not in {".mp4", ".m4v", ".mov"}:
            raise UserError(f"A recording is an MP4, and {path.name} is not called one.", "Name it like out.mp4.")
        check_writable(path)
        self._path = path
        self._pictures: Mailbox[tuple[Image, float]] = Mailbox(lossless, WAITING)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._error: BaseException | None = None
        self._recorded = False
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Pictures left out because the encoder was behind."""
        return self._pictures.dropped

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Takes a picture, (H, W, 3) RGB, that nobody will change; its time is the frame's own."""
        if picture is not None and not self._pictures.put((picture, result.frame.time)):
            self._raise()

    def close(self) -> None:
        """Waits for the last picture to be written."""
        self._pictures.close()
        self._thread.join()
        self._raise()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close()
        except UserError:
            if error is None:  # the error under way says more
                raise
        if error is None:
            log.info("Recorded %s", self._path if self._recorded else "nothing: no frame came.")

    def _raise(self) -> None:
        error, self._error = self._error, None
        if isinstance(error, OSError) and error.errno in FULL:
            raise UserError(
                f"The disk is full: {self._path} ends early, and plays up to there.",
                "Make room, or record to another disk.",
            ) from error
        if isinstance(error, OSError):
            reason = (error.strerror or str(error)).lower()
            raise UserError(f"{self._path} cannot be written: {reason}.", "Record to another place.") from error
        if error is not None:
            raise error

    def _run(self) -> None:
        try:
            self._encode()
        except BaseException as error:
            self._error = error
            self._pictures.abort()

    def _encode(self) -> None:
        try:
            picture, time = self._pictures.get()
        except Finished:
            return  # nothing came: what may lie at the path from before stays as it is
        self._recorded = True
        with av.open(str(self._path), "w", format="mp4", options=CONTAINER) as container:
            stream = container.add_stream("libx264", rate=NOMINAL_RATE, options=ENCODER)
            stream.height, stream.width = (side + side % 2 for side in picture.shape[:2])
            stream.pix_fmt = "yuv420p"
            stream.gop_size = KEYFRAME_EVERY
            stream.codec_context.time_base = TIME_BASE
            stream.codec_context.colorspace = Colorspace.ITU601  # what OpenCV converts to; unsaid, HD would be 709
            stream.codec_context.max_b_frames = 0
            stamp = -1
            while True:
                even = _even(picture, (stream.width, stream.height))
                video = av.VideoFrame.from_ndarray(cv2.cvtColor(even, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
                stamp = max(stamp + 1, round(time / TIME_BASE))
                video.pts, video.time_base = stamp, TIME_BASE
                for packet in stream.encode(video):
                    container.mux(packet)
                try:
                    picture, time = self._pictures.get()
                except Finished:
                    break
            for packet in stream.encode(None):
                container.mux(packet)


def _even(picture: Image, size: tuple[int, int]) -> Image:
    """The picture at the recording's even size: an odd side repeats its last row, another picture is fitted in."""
    rows, columns = picture.shape[:2]
    if (columns, rows) == size:
        return picture
    if (columns + columns % 2, rows + rows % 2) == size:
        return np.pad(picture, ((0, rows % 2), (0, columns % 2), (0, 0)), mode="edge")
    return pad(picture, size)
