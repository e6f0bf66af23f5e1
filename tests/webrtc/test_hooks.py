"""aiortc's insides that we rely on. When one of these fails after an update, hooks.py needs a look."""

from __future__ import annotations

import asyncio

from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    pack_remb_fci,
)

from realtime.outputs.webrtc.encoder import EncodedFrame
from realtime.outputs.webrtc.hooks import Feedback, gather_only, on_feedback, read_feedback, send_packed
from realtime.outputs.webrtc.viewer import PackedTrack


def test_feedback():
    assert read_feedback(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=5), 5) == Feedback(keyframe=True)
    remb = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=pack_remb_fci(524_288, [5]))
    assert read_feedback(remb, 5) == Feedback(estimate=524_288)
    assert read_feedback(remb, 6) is None
    broken = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=b"REMB")
    assert read_feedback(broken, 5) is None
    info = RtcpReceiverInfo(ssrc=5, fraction_lost=64, packets_lost=1, highest_sequence=1, jitter=0, lsr=0, dlsr=0)
    assert read_feedback(RtcpRrPacket(ssrc=1, reports=[info]), 5) == Feedback(lost=0.25)
    assert read_feedback(RtcpRrPacket(ssrc=1, reports=[]), 5) is None


def test_sender_takes_packed_frames_and_feedback_is_heard():
    async def check():
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        track = PackedTrack()
        sender = peer.addTransceiver(track, "sendonly").sender
        send_packed(sender)
        track.put(EncodedFrame((b"one", b"two"), 1234, True, 6))
        encoded = await sender._next_encoded_frame(None)
        heard: list[Feedback] = []
        on_feedback(sender, heard.append)
        await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=sender._ssrc))
        await peer.close()
        return encoded, heard

    encoded, heard = asyncio.run(check())
    assert list(encoded.payloads) == [b"one", b"two"]
    assert encoded.timestamp == 1234
    assert heard == [Feedback(keyframe=True)]


def test_sockets_are_opened_on_the_chosen_address_only():
    async def check():
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTransceiver("video", "recvonly")
        gather_only(peer, ("127.0.0.1",))
        await peer.setLocalDescription(await peer.createOffer())
        lines = [line for line in peer.localDescription.sdp.splitlines() if line.startswith("a=candidate")]
        await peer.close()
        return lines

    lines = asyncio.run(check())
    assert len(lines) == 1
    assert " 127.0.0.1 " in lines[0]
