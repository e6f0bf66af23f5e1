"""Turns pictures into RTP payloads, once for everybody who takes the same stream."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
import av.error
import cv2
import numpy as np
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from realtime.frames import Image

log = logging.getLogger(__name__)

CodecName = Literal["H264", "VP8"]

CLOCK = 90_000  # RTP's ticks per second for video
TIME_BASE = Fraction(1, CLOCK)
NOMINAL_RATE = 30  # pictures a second: for the encoder's rate control; the time stamps are the true ones
GOP = 300  # pictures between keyframes that nobody asked for
BUFFER_SECONDS = 0.4  # how long the largest picture may take at the bit rate
LEVEL_31_PIXELS = 1280 * 720
ONE_THREAD_PIXELS = 800 * 600  # above it two threads, which cut the picture into slices

# Tried in this order; a machine without the hardware refuses to open the first three. These take their profile
# as an option of their own.
H264_ENCODERS: dict[str, dict[str, str]] = {
    "h264_nvenc": {
        "preset": "p2",
        "tune": "ull",
        "zerolatency": "1",
        "delay": "0",
        "forced-idr": "1",
        "rc": "cbr",
        "profile": "baseline",
    },
    "h264_qsv": {"preset": "veryfast", "async_depth": "1", "forced_idr": "1", "low_power": "0", "profile": "baseline"},
    "h264_videotoolbox": {"realtime": "1", "prio_speed": "1", "profile": "constrained_baseline"},
    # Of constant quality (44 dB) below the bit rate: a calm picture takes a third of it, and so a third of the packets
    # for each viewer. superfast instead of veryfast: 4 ms instead of 11 a picture of 640x480, for 0.4 dB.
    "libx264": {"preset": "superfast", "tune": "zerolatency", "forced-idr": "1", "crf": "25"},
}
HARDWARE = frozenset(H264_ENCODERS) - {"libx264"}
VP8_OPTIONS = {
    "deadline": "realtime",
    "cpu-used": "8",
    "lag-in-frames": "0",
    "error-resilient": "1",
    "static-thresh": "1",
}


@dataclass(frozen=True)
class EncodedFrame:
    """One picture, ready to be put into RTP packets."""

    payloads: tuple[bytes, ...]
    timestamp: int  # 90 kHz, before each viewer's own offset
    keyframe: bool
    size: int  # bytes


def fitted(image: Image, size: tuple[int, int] | None) -> Image:
    """The picture scaled down into `size` (width, height), never up, with even sides as 4:2:0 wants them."""
    rows, columns = image.shape[:2]
    scale = min(1.0, *(limit / side for limit, side in zip(size, (columns, rows), strict=True))) if size else 1.0
    width, height = (max(2, round(side * scale) // 2 * 2) for side in (columns, rows))
    if scale < 1.0:
        return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    if (width, height) == (columns, rows):
        return image
    if min(rows, columns) < 2:
        return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    return image[:height, :width]


def to_yuv(image: Image) -> av.VideoFrame:
    """(H, W, 3) RGB with even sides as a 4:2:0 frame in BT.601, video range, which is what WebRTC expects."""
    planes = np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2YUV_I420), np.uint8)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


@functools.cache
def h264_encoders() -> tuple[str, ...]:
    """The H.264 encoders that work here, best first; found out by trying."""
    return tuple(name for name in H264_ENCODERS if _works(name))


class Encoder:
    """One stream. Opens itself again when the picture's size or the bit rate changes.

    Args:
        codec: what the viewers take.
        bitrate: bits per second.
    """

    def __init__(self, codec: CodecName, bitrate: int) -> None:
        self.codec, self.bitrate = codec, bitrate
        self._packer = H264Encoder() if codec == "H264" else Vp8Encoder()
        self._context: VideoCodecContext | None = None
        self._opened: tuple[int, int, int] | None = None
        self._failed: set[str] = set()  # hardware that opened and broke down later

    @property
    def name(self) -> str:
        """The encoder at work, as FFmpeg calls it."""
        return self._context.name if self._context else ""

    def encode(self, image: Image, timestamp: int, keyframe: bool = False) -> EncodedFrame | None:
        """Encodes one picture, (H, W, 3) RGB with even sides; `timestamp` in 90 kHz, rising. None: nothing came out."""
        rows, columns = image.shape[:2]
        if self._opened != (columns, rows, self.bitrate):
            self._context = self._open(columns, rows)
            self._opened = (columns, rows, self.bitrate)
        assert self._context is not None
        frame = to_yuv(image)
        frame.pts, frame.time_base = timestamp, TIME_BASE
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        try:
            packets = self._context.encode(frame)
        except av.error.FFmpegError:
            self._opened = None  # begun anew with the next picture
            if self.name not in HARDWARE:
                raise
            log.warning("The encoder %s failed; it is not used any more.", self.name)
            self._failed.add(self.name)
            return self.encode(image, timestamp, keyframe)
        payloads: list[bytes] = []
        for packet in packets:
            payloads += self._packer.pack(packet)[0]
        if not payloads:
            return None
        return EncodedFrame(
            tuple(payloads), timestamp, any(packet.is_keyframe for packet in packets), sum(map(len, payloads))
        )

    def _open(self, width: int, height: int) -> VideoCodecContext:
        if self.codec == "VP8":
            return _context("libvpx", width, height, self.bitrate, VP8_OPTIONS)
        for name in h264_encoders():
            if name in self._failed:
                continue
            try:
                return _context(name, width, height, self.bitrate, H264_ENCODERS[name])
            except (av.error.FFmpegError, ValueError):
                log.info("%s does not take %dx%d.", name, width, height)
        raise RuntimeError("no H.264 encoder opens")


def _context(name: str, width: int, height: int, bitrate: int, options: dict[str, str]) -> VideoCodecContext:
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)
    formats = [one.name for one in context.codec.video_formats or ()]
    context.pix_fmt = "yuv420p" if "yuv420p" in formats else "nv12"  # PyAV converts what it is given
    context.width, context.height = width, height
    context.gop_size, context.max_b_frames = GOP, 0
    if "crf" not in options:
        context.bit_rate = bitrate
    context.time_base, context.framerate = TIME_BASE, Fraction(NOMINAL_RATE)
    # Said in the stream: what it does not say, browsers guess from the picture's size, and not all alike.
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU601
    context.color_primaries, context.color_trc = ColorPrimaries.SMPTE170M, ColorTrc.SMPTE170M
    context.thread_count = 1 if width * height <= ONE_THREAD_PIXELS else 2
    limits = {"maxrate": str(bitrate), "bufsize": str(int(bitrate * BUFFER_SECONDS))}
    if name == "libx264":
        context.profile = "Baseline"
        if width * height <= LEVEL_31_PIXELS:
            limits["level"] = "31"
    context.options = {**options, **limits}
    context.open()
    return context


def _works(name: str) -> bool:
    """Whether an encoder opens and gives a picture."""
    if name not in av.codecs_available:
        return False
    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)  # a missing driver is no error here
    try:
        context = _context(name, 320, 240, 500_000, H264_ENCODERS[name])
        grey = to_yuv(np.full((240, 320, 3), 128, np.uint8))
        packets = []
        for count in range(3):
            grey.pts, grey.time_base = count * 3000, TIME_BASE
            packets += context.encode(grey)
        return bool(packets)
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    finally:
        av.logging.set_level(level)
