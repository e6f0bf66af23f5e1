"""The sending loop that stands for aiortc's. When this fails after an update, sending.py needs a look."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpCodecParameters, RTCRtpSender
from aiortc.rtp import RTCP_RTPFB_NACK, RtcpRtpfbPacket, RtpPacket

from realtime.outputs.webrtc.encoder import EncodedFrame
from realtime.outputs.webrtc.hooks import last_rtp_timestamp
from realtime.outputs.webrtc.sending import send_packed
from realtime.outputs.webrtc.viewer import PackedTrack

from .fakes import until

CODEC = RTCRtpCodecParameters(mimeType="video/H264", clockRate=90000, payloadType=102)
PICTURES = [EncodedFrame((b"one", b"two", b"three"), 1000, True, 11), EncodedFrame((b"four",), 4000, False, 4)]


async def _sending(pictures: list[EncodedFrame], work) -> tuple[RTCRtpSender, list[RtpPacket]]:
    """What goes out for the pictures; `work(sender)` runs once they are sent."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    track = PackedTrack()
    sender = peer.addTransceiver(track, "sendonly").sender
    sent: list[RtpPacket] = []

    async def take(data: bytes) -> None:
        sent.append(RtpPacket.parse(data))

    sender.transport._send_rtp = take
    send_packed(sender)
    running = asyncio.ensure_future(sender._run_rtp(CODEC))
    for picture in pictures:
        track.put(picture)
    await until(lambda: len(sent) == sum(len(picture.payloads) for picture in pictures))
    await work(sender)
    track.stop()
    await asyncio.wait_for(running, 10)
    assert sender._RTCRtpSender__rtp_exited.is_set()
    await peer.close()
    return sender, sent


async def _nothing(sender: RTCRtpSender) -> None:
    pass


def test_packets_are_numbered_marked_and_stamped():
    sender, sent = asyncio.run(_sending(PICTURES, _nothing))
    assert [packet.payload for packet in sent] == [b"one", b"two", b"three", b"four"]
    assert [packet.marker for packet in sent] == [0, 0, 1, 1]
    assert [packet.sequence_number - sent[0].sequence_number for packet in sent] == [0, 1, 2, 3]
    assert {packet.payload_type for packet in sent} == {102}
    assert {packet.ssrc for packet in sent} == {sender._ssrc}
    assert sent[0].timestamp == sent[2].timestamp
    assert (sent[3].timestamp - sent[0].timestamp) % 2**32 == 3000
    assert last_rtp_timestamp(sender) == sent[3].timestamp
    assert sender._RTCRtpSender__packet_count == 4
    assert sender._RTCRtpSender__octet_count == 15


@pytest.mark.parametrize("which", [0, 2, 3])
def test_what_was_lost_is_sent_again(which):
    async def lose(sender: RTCRtpSender) -> None:
        history = sorted(sender._RTCRtpSender__rtp_history.values(), key=lambda packet: packet.sequence_number)
        lost = [history[which].sequence_number]
        await sender._handle_rtcp_packet(RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=1, media_ssrc=2, lost=lost))

    _, sent = asyncio.run(_sending(PICTURES, lose))
    assert len(sent) == 5
    again, first = sent[4], sent[which]
    assert (again.payload, again.marker, again.timestamp) == (first.payload, first.marker, first.timestamp)


def test_a_broken_connection_ends_the_track():
    async def check():
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        track = PackedTrack()
        sender = peer.addTransceiver(track, "sendonly").sender
        send_packed(sender)
        track.put(PICTURES[0])
        await asyncio.wait_for(sender._run_rtp(CODEC), 10)  # nothing is connected: aiortc says so by ConnectionError
        await peer.close()
        return track.readyState

    assert asyncio.run(check()) == "ended"
