"""Sends the stream to a media server by WHIP (RFC 9725), for ever: connects again whenever it breaks."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from yarl import URL

from realtime.outputs.webrtc import hooks
from realtime.outputs.webrtc.broadcast import Broadcast
from realtime.outputs.webrtc.metrics import Metrics
from realtime.outputs.webrtc.options import PublishOptions, is_loopback
from realtime.outputs.webrtc.sending import send_packed
from realtime.outputs.webrtc.sessions import codecs
from realtime.outputs.webrtc.viewer import PackedTrack, Viewer

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds between attempts; doubled each time
SPREAD = 0.2  # share by which a wait is made shorter or longer, so that many clients do not come at once
LONGEST_ASKED_WAIT = 120.0  # what a server may ask for with Retry-After
HTTP_SECONDS, CONNECT_SECONDS, GOODBYE_SECONDS = 10.0, 15.0, 2.0
SILENCE_SECONDS = 12.0
LONGEST_ANSWER = 64 * 1024  # bytes
MOST_REDIRECTS = 3


class Refused(Exception):
    """The media server does not take the stream now."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait  # seconds that the server asks us to wait


def backoff(attempt: int, jitter: float) -> float:
    """Seconds to wait after the `attempt`th failure in a row (from 0); `jitter` in -1..1."""
    return float(min(FIRST_WAIT * 2 ** min(attempt, 16), LONGEST_WAIT)) * (1 + SPREAD * jitter)


class Publisher:
    """A WHIP client. Lives on the event loop.

    Args:
        options: where to, and the token.
        broadcast: what is sent.
        metrics: where things are counted.
    """

    def __init__(self, options: PublishOptions, broadcast: Broadcast, metrics: Metrics) -> None:
        self._options, self._broadcast, self._metrics = options, broadcast, metrics
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins, in the background."""
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """Says goodbye to the media server and ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        attempt, told = 0, ""
        while True:
            begun, wait = time.monotonic(), None
            try:
                await self._send_once()
                reason = "the connection was lost"
            except Refused as refusal:
                reason, wait = str(refusal), refusal.wait
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = f"no connection ({type(error).__name__})"
            except Exception as error:  # a stranger's answer that the library stumbles over
                reason = f"its answer is not understood ({type(error).__name__})"
            if time.monotonic() - begun > LONGEST_WAIT:
                attempt, told = 0, ""
            if reason != told:
                log.warning("The stream does not reach %s: %s. Trying again.", URL(self._options.url).host, reason)
                told = reason
            pause = backoff(attempt, random.uniform(-1, 1))
            await asyncio.sleep(max(pause, wait or 0.0))
            attempt += 1

    async def _send_once(self) -> None:
        """One session, from the offer until it breaks."""
        peer = hooks.Peer()
        track = PackedTrack()
        transceiver = peer.addTransceiver(track, "sendonly")
        transceiver.setCodecPreferences(codecs())
        track.sender = transceiver.sender
        send_packed(transceiver.sender)
        timeout = aiohttp.ClientTimeout(total=HTTP_SECONDS)
        viewer: Viewer | None = None
        location: URL | None = None
        async with aiohttp.ClientSession(
            timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(force_close=True)
        ) as http:
            try:
                if is_loopback(URL(self._options.url).host or ""):
                    hooks.gather_only(peer, hooks.all_addresses())
                await peer.setLocalDescription(await peer.createOffer())
                hearing = hooks.Hearing()
                hearing.listen(peer)
                location, answer = await self._offer(http, peer.localDescription.sdp)
                await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
                codec = hooks.agreed_codec(transceiver)
                viewer = Viewer(f"publish-{secrets.token_hex(4)}", codec, track, self._metrics)
                receiver = viewer
                hooks.on_feedback(transceiver.sender, lambda said: self._broadcast.feedback(receiver, said))
                await self._connected(peer)
                log.warning("The stream goes to %s.", URL(self._options.url).host)
                self._broadcast.add(viewer)
                while peer.connectionState == "connected" and track.readyState == "live":
                    if time.monotonic() - hearing.last > SILENCE_SECONDS:
                        break
                    await asyncio.sleep(0.5)
            finally:
                if viewer is not None:
                    self._broadcast.remove(viewer)
                goodbye = asyncio.ensure_future(self._goodbye(http, location, peer))
                try:
                    await asyncio.shield(goodbye)
                except asyncio.CancelledError:  # the program ends meanwhile: the goodbye is short, and has to end too
                    await goodbye
                    raise

    async def _offer(self, http: aiohttp.ClientSession, offer: str) -> tuple[URL | None, str]:
        """Posts the offer; the session's URL and the answer."""
        url = URL(self._options.url)
        headers = {"Content-Type": "application/sdp", "Accept": "application/sdp", **self._authorization(url)}
        for _ in range(MOST_REDIRECTS + 1):
            async with http.post(url, data=offer.encode(), headers=headers, allow_redirects=False) as response:
                if response.status in (307, 308) and "Location" in response.headers:
                    url = url.join(URL(response.headers["Location"]))
                    headers = {**headers, **self._authorization(url)}
                    if not self._authorization(url):
                        headers.pop("Authorization", None)
                    continue
                if response.status != 201:
                    raise Refused(_reason(response.status), _asked_wait(response.headers.get("Retry-After")))
                body = await response.content.read(LONGEST_ANSWER + 1)
                while len(body) <= LONGEST_ANSWER and (more := await response.content.read(LONGEST_ANSWER)):
                    body += more
                if len(body) > LONGEST_ANSWER or response.content_type != "application/sdp":
                    raise Refused("its answer is no SDP")
                place = response.headers.get("Location")
                return (url.join(URL(place)) if place else None), body.decode()
        raise Refused("it redirects in circles")

    def _authorization(self, url: URL) -> dict[str, str]:
        """The token, for the server that it was given for and no other."""
        if self._options.token is None or url.origin() != URL(self._options.url).origin():
            return {}
        return {"Authorization": f"Bearer {self._options.token}"}

    async def _connected(self, peer: RTCPeerConnection) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            while peer.connectionState != "connected":
                if peer.connectionState in ("failed", "closed"):
                    raise Refused("media cannot reach it")
                await asyncio.sleep(0.05)

    async def _goodbye(self, http: aiohttp.ClientSession, location: URL | None, peer: RTCPeerConnection) -> None:
        """Deletes the session, so that the media server need not find out by itself, and closes the peer."""
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                if location is not None:
                    async with http.delete(location, headers=self._authorization(location)):
                        pass
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        await peer.close()


def _reason(status: int) -> str:
    match status:
        case 401 | 403:
            return f"it refuses the token ({status}): see --publish-token"
        case 404:
            return "there is no WHIP endpoint at this URL (404)"
    return f"it answers {status}"


def _asked_wait(header: str | None) -> float | None:
    return min(float(header), LONGEST_ASKED_WAIT) if header and header.isdecimal() else None
