"""aiortc's sending loop for pictures that are encoded already: what it does per packet is what a viewer costs.

aiortc builds every packet's header and its extensions anew. Within one picture they differ in the sequence number and
the marker only, so here aiortc writes them once per picture. Together with hooks.py, this is where the library is used
beyond its public interface (pyproject.toml pins it); `tests/webrtc/test_sending.py` fails when it changes.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from aiortc import RTCRtpSender, clock
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpsender import random_sequence_number
from aiortc.rtp import RTP_HISTORY_SIZE, RtpPacket
from aiortc.utils import random32

from realtime.outputs.webrtc.encoder import EncodedFrame

log = logging.getLogger(__name__)

MARKER = 0x80  # in the second byte, beside the payload's type: the last packet of a picture


def send_packed(sender: RTCRtpSender) -> None:
    """Lets the sender take `EncodedFrame`s from its track, whose packets are cut once for all viewers."""
    sender._run_rtp = partial(_run, sender)  # type: ignore[method-assign]


async def _run(sender: RTCRtpSender, codec: RTCRtpCodecParameters) -> None:
    """Until the track ends, the connection breaks or the sender is stopped; stands for aiortc's own."""
    _part(sender, "rtp_started").set()
    track = sender.track
    try:
        await _send_pictures(sender, codec)
    except (asyncio.CancelledError, ConnectionError, MediaStreamError):
        pass
    except Exception:
        log.exception("A viewer's pictures are sent no more.")
    finally:
        track.stop()
        _part(sender, "rtp_exited").set()  # what `RTCRtpSender.stop` waits for


async def _send_pictures(sender: RTCRtpSender, codec: RTCRtpCodecParameters) -> None:
    sequence, origin, kind = random_sequence_number(), random32(), codec.payloadType
    assert kind is not None
    while True:
        frame = await sender.track.recv()
        if not sender._enabled:
            continue
        assert isinstance(frame, EncodedFrame)
        timestamp = (origin + frame.timestamp) & 0xFFFFFFFF
        now = clock.current_ntp_time()
        first = RtpPacket(kind, timestamp=timestamp, ssrc=sender._ssrc)
        first.extensions.abs_send_time = (now >> 14) & 0x00FFFFFF
        first.extensions.mid = _part(sender, "mid")
        header = first.serialize(_part(sender, "rtp_header_extensions_map"))
        begin, end = header[:1], header[4:]  # between them: marker and type, sequence number
        for left, payload in enumerate(frame.payloads, 1 - len(frame.payloads)):
            marker = left == 0
            # Kept for those who lose it.
            packet = RtpPacket(kind, marker, sequence, timestamp, sender._ssrc, payload)
            packet.extensions = first.extensions
            _part(sender, "rtp_history")[sequence % RTP_HISTORY_SIZE] = packet
            second = bytes([kind | MARKER if marker else kind])
            await sender.transport._send_rtp(b"".join((begin, second, sequence.to_bytes(2, "big"), end, payload)))
            sequence = (sequence + 1) & 0xFFFF
        _count(sender, frame, timestamp, now)


def _count(sender: RTCRtpSender, frame: EncodedFrame, timestamp: int, now: int) -> None:
    """Notes what the sender's reports tell."""
    sender._RTCRtpSender__ntp_timestamp, sender._RTCRtpSender__rtp_timestamp = now, timestamp  # type: ignore[attr-defined]
    sender._RTCRtpSender__octet_count += frame.size  # type: ignore[attr-defined]
    sender._RTCRtpSender__packet_count += len(frame.payloads)  # type: ignore[attr-defined]


def _part(sender: RTCRtpSender, name: str) -> Any:
    return getattr(sender, f"_RTCRtpSender__{name}")
