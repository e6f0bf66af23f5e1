from __future__ import annotations

import av
import numpy as np
import pytest
from aiortc.codecs import depayload
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from realtime.outputs.webrtc import encoder
from realtime.outputs.webrtc.encoder import Encoder, fitted, h264_encoders

from .fakes import picture

NAMES = {"H264": ("video/H264", "h264"), "VP8": ("video/VP8", "libvpx")}


def decoded(codec: str, frames) -> list[np.ndarray]:
    mime, decoder = NAMES[codec]
    parameters = RTCRtpCodecParameters(mime, 90000)
    context = av.CodecContext.create(decoder, "r")
    pictures = []
    for frame in frames:
        packet = av.Packet(b"".join(depayload(parameters, payload) for payload in frame.payloads))
        pictures += context.decode(packet)
    pictures += context.decode(None)
    return [one.to_ndarray(format="rgb24") for one in pictures]


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_round_trip(codec):
    encoder = Encoder(codec, 2_000_000)
    images = [picture(index) for index in range(5)]
    frames = [encoder.encode(image, index * 3000) for index, image in enumerate(images)]
    assert [frame.keyframe for frame in frames] == [True, False, False, False, False]
    assert [frame.timestamp for frame in frames] == [0, 3000, 6000, 9000, 12000]
    assert all(len(payload) <= 1300 for frame in frames for payload in frame.payloads)
    got = decoded(codec, frames)
    assert len(got) == 5
    assert np.abs(got[-1].astype(int) - images[-1]).mean() < 6


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_keyframes_when_asked(codec):
    encoder = Encoder(codec, 1_000_000)
    frames = [encoder.encode(picture(index), index * 3000, keyframe=index == 3) for index in range(6)]
    assert [index for index, frame in enumerate(frames) if frame.keyframe] == [0, 3]
    assert len(decoded(codec, frames[3:])) == 3  # who joins there needs nothing before it


def test_another_size_or_rate_begins_with_a_keyframe():
    encoder = Encoder("H264", 1_000_000)
    encoder.encode(picture(0), 0)
    assert encoder.encode(picture(1, 320, 240), 3000).keyframe
    assert not encoder.encode(picture(2, 320, 240), 6000).keyframe
    encoder.bitrate = 500_000
    assert encoder.encode(picture(3, 320, 240), 9000).keyframe


def test_the_bit_rate_is_kept():
    encoder = Encoder("H264", 600_000)
    noise = np.random.default_rng(0)
    sizes = []
    for index in range(60):
        image = picture(index)
        image[:200] = noise.integers(0, 255, (200, 640, 3), np.uint8)
        sizes.append(encoder.encode(image, index * 3000).size)
    assert sum(sizes[15:]) * 8 / 1.5 < 1.3 * 600_000


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((480, 640), None, (480, 640)),
        ((481, 641), None, (480, 640)),
        ((480, 640), (320, 320), (240, 320)),
        ((480, 640), (1920, 1080), (480, 640)),
        ((1, 1), None, (2, 2)),
        ((4320, 7680), (1280, 720), (720, 1280)),
    ],
)
def test_fitted(shape, size, expected):
    assert fitted(np.zeros((*shape, 3), np.uint8), size).shape == (*expected, 3)


def test_software_is_always_there():
    assert h264_encoders()[-1] == "libx264"


def test_hardware_counts_only_where_it_opens(monkeypatch):
    """PyAV knows encoders of hardware that the machine lacks; one that opens is preferred to software."""
    monkeypatch.setattr(encoder, "H264_ENCODERS", {"no_such_encoder": {}, **encoder.H264_ENCODERS})
    h264_encoders.cache_clear()
    assert "no_such_encoder" not in h264_encoders()
    monkeypatch.setattr(encoder, "_works", lambda name: name in ("h264_qsv", "libx264"))
    h264_encoders.cache_clear()
    assert h264_encoders() == ("h264_qsv", "libx264")
    h264_encoders.cache_clear()


@pytest.mark.parametrize("name", [name for name in encoder.H264_ENCODERS if name in av.codecs_available])
def test_encoders_know_what_is_asked_of_them(name):
    """Whether or not the hardware is there: what we say about the pictures, and each option, is understood."""
    options = encoder.H264_ENCODERS[name]
    try:
        encoder._context(name, 640, 480, 1_000_000, options)
    except av.error.ArgumentError:
        raise
    except av.error.FFmpegError:
        assert name in encoder.HARDWARE  # it is not there
    for option in options:
        with pytest.raises(av.error.ArgumentError):
            encoder._context(name, 640, 480, 1_000_000, {**options, option: "rubbish"})


@pytest.mark.parametrize("fails", ["to open", "later"])
def test_software_stands_in_where_hardware_fails(monkeypatch, fails):
    class Broken:
        name = "h264_nvenc"

        def encode(self, frame):
            raise av.error.ExternalError(1, "the device is gone")

    def context(name, *others):
        opened.append(name)
        if name != "h264_nvenc":
            return real(name, *others)
        if fails == "to open":
            raise av.error.ExternalError(1, "this size is not supported")
        return Broken()

    opened, real = [], encoder._context
    monkeypatch.setattr(encoder, "h264_encoders", lambda: ("h264_nvenc", "libx264"))
    monkeypatch.setattr(encoder, "_context", context)
    stream = Encoder("H264", 1_000_000)
    frames = [stream.encode(picture(index), index * 3000) for index in range(3)]
    assert [frame.keyframe for frame in frames] == [True, False, False]  # not a picture is lost
    assert opened == ["h264_nvenc", "libx264"]
    assert stream.name == "libx264"


def test_the_stream_is_constrained_baseline():
    payloads = Encoder("H264", 1_000_000).encode(picture(0), 0).payloads
    stream = b"".join(depayload(RTCRtpCodecParameters("video/H264", 90000), payload) for payload in payloads)
    profile, constraints, level = stream[stream.index(b"\0\0\1\x67") + 4 :][:3]
    assert profile == 66
    assert constraints & 0xC0 == 0xC0  # baseline, and main as well: what both can decode
    assert level == 31
