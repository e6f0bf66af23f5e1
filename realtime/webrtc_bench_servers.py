"""Servers of a clip as it is, which `realtime.webrtc_bench` compares with the whole program; each is a process.

python -m realtime.webrtc_bench_servers shared|per-viewer --source clip.mp4 --serve 127.0.0.1:8097
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType

import av
from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

from realtime.config import parse
from realtime.errors import OK, tells_user_errors
from realtime.frames import Camera, FrameResult, Image
from realtime.outputs.webrtc import hooks, timecode
from realtime.outputs.webrtc.encoder import CLOCK, TIME_BASE
from realtime.outputs.webrtc.options import ServeOptions
from realtime.outputs.webrtc.server import WebRtcOutput
from realtime.outputs.webrtc.sessions import codecs
from realtime.sources.base import frames
from realtime.sources.open import open_source


class PerViewerOutput:
    """aiortc as its examples use it: a relay hands raw pictures to every viewer's own encoder."""

    needs_picture = True

    def __init__(self, serve: ServeOptions) -> None:
        self._options = serve
        self._loop = asyncio.new_event_loop()
        self._track = _RawTrack()
        self._relay = MediaRelay()
        self._peers: list[RTCPeerConnection] = []
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._main(),), daemon=True)
        self._thread.start()

    def write(self, result: FrameResult, picture: Image) -> None:
        """Takes a picture and writes its time into it."""
        picture = picture.copy()
        captured = result.frame.captured
        timecode.burn(picture, round((captured + time.time() - time.monotonic()) * 1000))
        self._loop.call_soon_threadsafe(self._track.put, picture, captured)

    def __enter__(self) -> PerViewerOutput:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _main(self) -> None:
        application = web.Application()
        application.add_routes([web.get("/healthz", self._health), web.post("/whep", self._view)])
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, self._options.host, self._options.port).start()
        await self._stop.wait()
        await asyncio.gather(*(peer.close() for peer in self._peers))
        await runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _view(self, request: web.Request) -> web.Response:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append(peer)
        transceiver = peer.addTransceiver(self._relay.subscribe(self._track, buffered=False), "sendonly")
        transceiver.setCodecPreferences(codecs())
        await peer.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        hooks.gather_only(peer, [self._options.host])
        await peer.setLocalDescription(await peer.createAnswer())
        return web.Response(status=201, body=peer.localDescription.sdp.encode(), content_type="application/sdp")


class _RawTrack(MediaStreamTrack):
    """The newest picture, not encoded."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._newest: tuple[Image, float] | None = None
        self._fresh = asyncio.Event()

    def put(self, picture: Image, captured: float) -> None:
        self._newest = (picture, captured)
        self._fresh.set()

    async def recv(self) -> av.VideoFrame:
        await self._fresh.wait()
        self._fresh.clear()
        assert self._newest is not None
        frame = av.VideoFrame.from_ndarray(self._newest[0], format="rgb24")
        frame.pts, frame.time_base = round(self._newest[1] * CLOCK), TIME_BASE
        return frame


@tells_user_errors
def main(way: str, arguments: Sequence[str]) -> int:
    """Serves the clip's own pictures until it is stopped; returns the exit status.

    Args:
        way: "shared", one encoder for all viewers as in the program, or "per-viewer", aiortc's own.
        arguments: the program's options; those about the source and the server count.
    """
    config = parse(arguments)
    source = open_source(config.source)
    serve = config.web.serve
    assert serve is not None
    output = PerViewerOutput(serve) if way == "per-viewer" else WebRtcOutput(serve, video=config.web.video)
    with output:
        for frame in frames(source, size=config.source.size, realtime=True, loop=True):
            output.write(FrameResult(frame, Camera(1.0, (0.0, 0.0))), frame.image)
    return OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
