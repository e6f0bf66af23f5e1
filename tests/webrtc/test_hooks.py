"""aiortc's insides that we rely on. When one of these fails after an update, hooks.py needs a look."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtpPacket,
    pack_remb_fci,
    unpack_header_extensions,
)

from realtime.outputs.webrtc.hooks import (
    PLAYOUT_DELAY,
    Feedback,
    gather_only,
    on_feedback,
    read_feedback,
    show_at_once,
)
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


def test_feedback_is_heard():
    async def check():
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        sender = peer.addTransceiver(PackedTrack(), "sendonly").sender
        heard: list[Feedback] = []
        on_feedback(sender, heard.append)
        await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=sender._ssrc))
        await peer.close()
        return heard

    assert asyncio.run(check()) == [Feedback(keyframe=True)]


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


async def _answer_and_header(extension: str) -> tuple[str, list[tuple[int, bytes]]]:
    """What a viewer whose offer has that line is answered, and the extensions of the packets that it gets."""
    viewer, server = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    viewer.addTransceiver("video", "recvonly")
    await viewer.setLocalDescription(await viewer.createOffer())
    offer = viewer.localDescription.sdp + extension
    transceiver = server.addTransceiver(PackedTrack(), "sendonly")
    await server.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    show_at_once(transceiver, offer)
    await server.setLocalDescription(await server.createAnswer())
    extensions = transceiver.sender._RTCRtpSender__rtp_header_extensions_map
    extensions.configure(server._RTCPeerConnection__localRtp(transceiver))
    packet = RtpPacket(payload_type=96, payload=b"face")
    packet.extensions.mid, packet.extensions.abs_send_time = "0", 0x123456
    data = packet.serialize(extensions)
    length = int.from_bytes(data[14:16], "big") * 4
    assert data[16 + length :] == b"face"
    answer = server.localDescription.sdp
    await viewer.close()
    await server.close()
    return answer, unpack_header_extensions(int.from_bytes(data[12:14], "big"), data[16 : 16 + length])


@pytest.mark.parametrize("number", [9, 14])
def test_pictures_are_shown_at_once_where_the_viewer_knows_how(number):
    answer, extensions = asyncio.run(_answer_and_header(f"a=extmap:{number} {PLAYOUT_DELAY}\r\n"))
    assert f"a=extmap:{number} {PLAYOUT_DELAY}" in answer
    assert (number, bytes(3)) in extensions  # at least and at most 0 ms
    assert b"0" in dict(extensions).values()  # what was there before
    assert b"\x12\x34\x56" in dict(extensions).values()


@pytest.mark.parametrize("extension", ["", f"a=extmap:0 {PLAYOUT_DELAY}\r\n", f"a=extmap:15 {PLAYOUT_DELAY}\r\n"])
def test_other_viewers_are_not_told(extension):
    answer, extensions = asyncio.run(_answer_and_header(extension))
    assert PLAYOUT_DELAY not in answer
    assert len(extensions) == 2
