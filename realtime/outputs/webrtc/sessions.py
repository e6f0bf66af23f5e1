"""The peers: answers offers, keeps the sessions, closes those that are gone."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import av
from aiortc import (
    MediaStreamTrack,
    RTCDataChannel,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.sdp import candidate_from_sdp

from realtime.outputs.webrtc import hooks
from realtime.outputs.webrtc.broadcast import Broadcast
from realtime.outputs.webrtc.metrics import Metrics
from realtime.outputs.webrtc.options import Limits
from realtime.outputs.webrtc.sdp import MOST_CANDIDATES, BadOffer, Fragment, checked_offer, ice_ufrag
from realtime.outputs.webrtc.sending import send_packed
from realtime.outputs.webrtc.viewer import PackedTrack, Viewer

log = logging.getLogger(__name__)

NEGOTIATION_SECONDS = 5.0
CLOSE_SECONDS = 3.0
CODEC_ORDER = ("video/h264", "video/vp8", "video/rtx")  # what we would rather send comes first

Kind = Literal["viewer", "publisher"]
Ingest = Callable[[av.VideoFrame], None]  # takes the pictures of the browser that sends its camera


class Full(Exception):
    """Nobody more can be served now."""


class Busy(Exception):
    """Somebody else sends a camera already."""


@dataclass(eq=False)
class Session:
    """One peer, from its offer to its end."""

    kind: Kind
    peer: hooks.Peer
    key: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    etag: str = field(default_factory=lambda: f'"{secrets.token_urlsafe(9)}"')
    hearing: hooks.Hearing = field(default_factory=hooks.Hearing)
    answer: str = ""
    answered: float = 0.0  # when, seconds of time.monotonic()
    ufrag: str | None = None  # the other side's, from its offer
    trickled: int = 0  # candidates that came after it
    viewer: Viewer | None = None
    reader: asyncio.Task[None] | None = None  # takes a publisher's pictures

    @property
    def is_connected(self) -> bool:
        """Whether media can flow."""
        return self.peer.connectionState == "connected"


def codecs() -> list[RTCRtpCodecCapability]:
    """What we can send, best first."""
    known = RTCRtpSender.getCapabilities("video").codecs
    usable = [codec for codec in known if codec.mimeType.lower() in CODEC_ORDER]
    return sorted(usable, key=lambda codec: CODEC_ORDER.index(codec.mimeType.lower()))


class Sessions:
    """All peers of one server. Lives on the event loop.

    Args:
        broadcast: what viewers see.
        metrics: where things are counted.
        limits: how many, how long.
        addresses: where media sockets are opened; None: on every network address of the machine.
        ingest: takes the pictures of a publisher; None: publishers are not wanted.
    """

    def __init__(
        self,
        broadcast: Broadcast,
        metrics: Metrics,
        limits: Limits,
        addresses: tuple[str, ...] | None,
        ingest: Ingest | None = None,
    ) -> None:
        self._broadcast, self._metrics, self._limits = broadcast, metrics, limits
        self._addresses, self._ingest = addresses, ingest
        self._sessions: dict[str, Session] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._is_over = False

    @property
    def takes_publishers(self) -> bool:
        """Whether a camera may be sent to us."""
        return self._ingest is not None

    def find(self, key: str, kind: Kind) -> Session | None:
        """The session of this name."""
        session = self._sessions.get(key)
        return session if session is not None and session.kind == kind else None

    def count(self, kind: Kind) -> int:
        """How many are open."""
        return sum(session.kind == kind for session in self._sessions.values())

    async def view(self, offer: str) -> Session:
        """Answers somebody who wants to watch.

        Raises:
            Full: there are as many viewers as allowed, the machine is too busy, or the server ends.
            BadOffer: the offer cannot be answered.
        """
        offer = checked_offer(offer, "recvonly")
        if self.count("viewer") >= self._limits.viewers:
            raise Full
        session = self._open("viewer", offer)
        track = PackedTrack()
        transceiver = session.peer.addTransceiver(track, "sendonly")
        transceiver.setCodecPreferences(codecs())
        track.sender = transceiver.sender
        track.on("ended", lambda: self._close_soon(session))  # sending broke down: better to begin anew than to stand
        send_packed(transceiver.sender)
        session.peer.on("datachannel", lambda channel: self._add_channel(session, channel))
        await self._negotiate(session, offer)
        session.viewer = Viewer(session.key, hooks.agreed_codec(transceiver), track, self._metrics)
        hooks.on_feedback(transceiver.sender, lambda said: self._feedback(session, said))
        return session

    async def publish(self, offer: str) -> Session:
        """Answers somebody who wants to send a camera.

        Raises:
            Busy: somebody does so already and is still heard.
            Full: the server ends.
            BadOffer: the offer cannot be answered.
        """
        offer = checked_offer(offer, "sendonly")
        for other in [session for session in self._sessions.values() if session.kind == "publisher"]:
            if time.monotonic() - other.hearing.last < self._limits.takeover_seconds:
                raise Busy
            self._close_soon(other)  # not waited for: a second one who waits meanwhile would come in as well
        session = self._open("publisher", offer)
        session.peer.on("track", lambda track: self._take(session, track))
        await self._negotiate(session, offer)
        return session

    async def trickle(self, session: Session, fragment: Fragment) -> None:
        """Adds candidates that came after the offer.

        Raises:
            BadOffer: one cannot be read, or there are too many.
        """
        session.trickled += len(fragment.candidates)
        if session.trickled > MOST_CANDIDATES:
            raise BadOffer("there are too many candidates")
        for mid, text in fragment.candidates:
            try:
                candidate = candidate_from_sdp(text)
                candidate.sdpMid = mid
                await session.peer.addIceCandidate(candidate)
            except (ValueError, IndexError, AssertionError) as error:
                raise BadOffer("a candidate cannot be read") from error

    async def close(self, session: Session) -> None:
        """Ends a session; does nothing when it has ended."""
        closing = self._close_soon(session)
        if closing is not None:
            await asyncio.shield(closing)

    async def close_all(self) -> None:
        """Ends all sessions; there will be no others."""
        self._is_over = True
        for session in list(self._sessions.values()):
            self._close_soon(session)
        await asyncio.gather(*self._closing)

    def sweep(self, now: float) -> None:
        """Closes who did not connect or is gone; called about once a second with time.monotonic()."""
        for session in list(self._sessions.values()):
            silent = now - session.hearing.last > self._limits.silence_seconds
            answered = bool(session.answer)  # until then the negotiation has its own limit
            late = answered and not session.is_connected and now - session.answered > self._limits.connect_seconds
            if (answered and silent) or late:
                self._close_soon(session)

    def _open(self, kind: Kind, offer: str) -> Session:
        if self._is_over:
            raise Full
        session = Session(kind, hooks.Peer(), ufrag=ice_ufrag(offer))
        self._sessions[session.key] = session
        session.peer.on("connectionstatechange", lambda: self._changed(session))
        self._metrics.add("sessions_total")
        self._count()
        return session

    async def _negotiate(self, session: Session, offer: str) -> None:
        peer = session.peer
        try:
            async with asyncio.timeout(NEGOTIATION_SECONDS):
                await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
                for transceiver in peer.getTransceivers():
                    if transceiver.kind != "video":
                        transceiver.direction = "inactive"  # sound is not ours; unread it would pile up
                    elif session.kind == "viewer":
                        hooks.show_at_once(transceiver, offer)
                hooks.gather_only(peer, self._addresses)
                await peer.setLocalDescription(await peer.createAnswer())
        except TimeoutError:
            await self.close(session)
            raise Full from None  # we are too busy; nothing is wrong with the offer
        except asyncio.CancelledError:
            self._close_soon(session)  # nobody waits for the answer any more
            raise
        except Exception as error:  # a parser of strangers' text: it raises whatever it stumbles over
            await self.close(session)
            log.debug("An offer could not be answered: %s.", type(error).__name__)
            raise BadOffer("the offer cannot be answered: is H.264 or VP8 video in it?") from error
        if session.key not in self._sessions:
            raise BadOffer("the session was closed")
        session.hearing.listen(peer)
        session.answer, session.answered = peer.localDescription.sdp, time.monotonic()

    def _changed(self, session: Session) -> None:
        state = session.peer.connectionState
        if state == "connected" and session.viewer is not None and session.key in self._sessions:
            self._broadcast.add(session.viewer)
        elif state in ("failed", "closed"):
            self._close_soon(session)
        self._count()

    def _feedback(self, session: Session, said: hooks.Feedback) -> None:
        if session.viewer is not None and session.key in self._sessions:
            self._broadcast.feedback(session.viewer, said)

    def _add_channel(self, session: Session, channel: RTCDataChannel) -> None:
        if session.viewer is not None:
            session.viewer.add_channel(channel)

    def _take(self, session: Session, track: MediaStreamTrack) -> None:
        if track.kind == "video" and session.reader is None:
            session.reader = asyncio.ensure_future(self._read(track))

    async def _read(self, track: MediaStreamTrack) -> None:
        assert self._ingest is not None
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, av.VideoFrame):
                    self._ingest(frame)
        except MediaStreamError:
            pass

    def _close_soon(self, session: Session) -> asyncio.Task[None] | None:
        """Forgets a session at once and closes its peer in the background, whatever becomes of who asked for it."""
        if self._sessions.pop(session.key, None) is None:
            return None
        if session.viewer is not None:
            self._broadcast.remove(session.viewer)
        if session.reader is not None:
            session.reader.cancel()
        self._count()
        task = asyncio.ensure_future(self._close_peer(session.peer))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    async def _close_peer(self, peer: hooks.Peer) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await peer.close()
        except TimeoutError:
            log.warning("A peer did not close in time.")

    def _count(self) -> None:
        publishers = [s for s in self._sessions.values() if s.kind == "publisher" and s.is_connected]
        self._metrics.set("publishers", len(publishers))
        self._metrics.set("peers", len(self._sessions))
