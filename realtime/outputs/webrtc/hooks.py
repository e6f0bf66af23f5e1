"""The few places where aiortc and aioice are used beyond their public interface, all in here and in sending.py.

pyproject.toml pins aiortc for this module's sake; `tests/webrtc/test_hooks.py` fails when one of these no
longer does what it should.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aioice.ice import get_host_addresses
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)

from realtime.outputs.webrtc.encoder import CodecName
from realtime.outputs.webrtc.sdp import extension_id

PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
ONE_BYTE_HEADERS, LARGEST_ONE_BYTE_ID = 0xBEDE, 14  # RFC 8285: the form in which packets carry extensions


class Peer(RTCPeerConnection):
    """A peer of which nothing is left once it is closed.

    aiortc connects in the background and does not end that when it closes: what was about to be started (consent
    checks, the sending) would begin afterwards and never end. So that is ended first.
    """

    def __init__(self) -> None:
        super().__init__(RTCConfiguration(iceServers=[]))
        self._connecting: set[asyncio.Task[None]] = set()
        self._is_ending = False

    async def close(self) -> None:
        """Ends everything about it."""
        self._is_ending = True
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        await super().close()

    async def _RTCPeerConnection__connect(self) -> None:
        if self._is_ending:
            return
        task = asyncio.current_task()
        assert task is not None
        self._connecting.add(task)
        try:
            await super()._RTCPeerConnection__connect()  # type: ignore[misc]
        finally:
            self._connecting.discard(task)


@dataclass(frozen=True)
class Feedback:
    """What a receiver said in one RTCP packet."""

    keyframe: bool = False  # it cannot go on without one
    estimate: int | None = None  # bits per second that it thinks it can take
    lost: float | None = None  # share of packets lost since its last report


def show_at_once(transceiver: RTCRtpTransceiver, offer: str) -> None:
    """Asks the viewer to show each picture as soon as it is there, where its offer knows how that is said.

    Browsers otherwise hold pictures back by what they think the network's jitter is, and smooth their rhythm: 40 ms and
    more on one machine. To be called between the offer and the answer, which says it too.
    """
    number = extension_id(offer, PLAYOUT_DELAY)
    if number is None or not 0 < number <= LARGEST_ONE_BYTE_ID:
        return
    transceiver._headerExtensions.append(RTCRtpHeaderExtensionParameters(id=number, uri=PLAYOUT_DELAY))
    transceiver.sender._RTCRtpSender__rtp_header_extensions_map = _AtOnce(number)  # type: ignore[attr-defined]


class _AtOnce(HeaderExtensionsMap):
    """Writes what aiortc knows into a packet's header, and that the least and the most playout delay are 0."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._more = bytes([number << 4 | 2, 0, 0, 0])  # number and length - 1, two times 12 bits: a whole word

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        profile, others = super().set(values)
        return (ONE_BYTE_HEADERS, others + self._more) if profile in (0, ONE_BYTE_HEADERS) else (profile, others)


def agreed_codec(transceiver: RTCRtpTransceiver) -> CodecName:
    """What offer and answer agreed on."""
    return "VP8" if transceiver._codecs[0].name == "VP8" else "H264"


def last_rtp_timestamp(sender: RTCRtpSender) -> int:
    """The time stamp of the last packet sent; each sender adds its own random offset to what it is given."""
    return sender._RTCRtpSender__rtp_timestamp  # type: ignore[attr-defined]


def on_feedback(sender: RTCRtpSender, listener: Callable[[Feedback], None]) -> None:
    """Calls `listener` for every report and request of the receiver."""
    handle = sender._handle_rtcp_packet

    async def observed(packet: Any) -> None:
        await handle(packet)
        feedback = read_feedback(packet, sender._ssrc)
        if feedback is not None:
            listener(feedback)

    sender._handle_rtcp_packet = observed  # type: ignore[method-assign]


def read_feedback(packet: Any, ssrc: int) -> Feedback | None:
    """What an RTCP packet says about the stream `ssrc`; None: nothing."""
    if isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
        return Feedback(keyframe=True)
    if isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
        try:
            estimate, streams = unpack_remb_fci(packet.fci)
        except (ValueError, IndexError):
            return None
        return Feedback(estimate=estimate) if ssrc in streams else None
    if isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
        for report in packet.reports:
            if report.ssrc == ssrc:
                return Feedback(lost=report.fraction_lost / 256)
    return None


def _connections(peer: RTCPeerConnection) -> list[Any]:
    """aioice's connections of a peer, one unless the other side cannot bundle."""
    transports = {t.receiver.transport for t in peer.getTransceivers()}
    if peer.sctp is not None:
        transports.add(peer.sctp.transport)
    return [transport.transport._connection for transport in transports]


def gather_only(peer: RTCPeerConnection, addresses: Sequence[str] | None) -> None:
    """Opens media sockets on these addresses only. aioice takes all but the loopback. None: leave it so."""
    if addresses is None:
        return
    chosen = list(addresses)
    for connection in _connections(peer):
        gather = connection.get_component_candidates

        async def gather_there(component: int, addresses: object, timeout: int = 5, gather: Any = gather) -> Any:
            return await gather(component=component, addresses=chosen, timeout=timeout)

        connection.get_component_candidates = gather_there


def all_addresses() -> list[str]:
    """The machine's network addresses and the loopback's, which aioice leaves out."""
    return ["127.0.0.1", *get_host_addresses(use_ipv4=True, use_ipv6=True)]


def network_address() -> str:
    """The address under which other machines are most likely to find this one."""
    return next((address for address in all_addresses()[1:] if ":" not in address), "localhost")


class Hearing:
    """When a peer was last heard: any packet counts, also the silent ones that keep a connection alive."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.last = clock()

    def listen(self, peer: RTCPeerConnection) -> None:
        """Begins; the peer's sockets must be open (after setLocalDescription)."""
        for connection in _connections(peer):
            for protocol in connection._protocols:
                self._listen(protocol)

    def _listen(self, protocol: Any) -> None:
        receive = protocol.datagram_received

        def received(data: bytes, address: tuple[Any, ...]) -> None:
            self.last = self._clock()
            receive(data, address)

        protocol.datagram_received = received
