"""The server and the publisher on a thread of their own, as one sink of the frame loop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any

from aiohttp import web

from realtime.errors import UserError
from realtime.frames import FrameResult, Image
from realtime.outputs.webrtc import hooks
from realtime.outputs.webrtc.broadcast import Broadcast
from realtime.outputs.webrtc.door import Door
from realtime.outputs.webrtc.guard import Throttle
from realtime.outputs.webrtc.metrics import Metrics
from realtime.outputs.webrtc.options import PublishOptions, ServeOptions, VideoOptions, tls_context
from realtime.outputs.webrtc.publish import Publisher
from realtime.outputs.webrtc.sessions import Ingest, Sessions
from realtime.outputs.webrtc.signalling import Signalling
from realtime.outputs.webrtc.site import NoSendersText, NoSwitches, Site, Switches

log = logging.getLogger(__name__)
http_log = logging.getLogger(f"{__name__}.http")
http_log.addFilter(NoSendersText())

START_SECONDS = 20.0
TICK_SECONDS = 1.0
END_SECONDS = 1.0  # what is left of libraries' tasks may take to end
EVERYWHERE = ("0.0.0.0", "::")


class WebRtcOutput:
    """A sink that shows the stream to browsers and sends it on.

    Args:
        serve: where to listen; None: no server.
        publish: where to send the stream; None: nowhere.
        video: bit rate and size.
        switches: what viewers may change; may only be called without waiting.
        ingest: takes the pictures of a browser that sends its camera; None: none may.
        shape_names: the 52 blendshapes, for `/schema`.

    Raises:
        UserError: the address cannot be listened at.
    """

    needs_picture = True

    def __init__(
        self,
        serve: ServeOptions | None,
        publish: PublishOptions | None = None,
        video: VideoOptions | None = None,
        switches: Switches | None = None,
        ingest: Ingest | None = None,
        shape_names: Sequence[str] = (),
    ) -> None:
        self._serve, self._publish, self._video = serve, publish, video or VideoOptions()
        self._switches, self._ingest, self._shape_names = switches or NoSwitches(), ingest, shape_names
        self.metrics = Metrics()
        self.port = 0  # the one that was really taken
        self._loop = asyncio.new_event_loop()
        self._broadcast = Broadcast(self._video, self.metrics, self._post)
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="webrtc-server", daemon=True)
        self._thread.start()
        self._ready.wait(START_SECONDS)
        if self._error is not None:
            self._broadcast.close()
            self._thread.join()
            self._raise(self._error)

    @property
    def dropped(self) -> int:
        """Pictures that were replaced by newer ones before they were encoded."""
        return self._broadcast.dropped

    @property
    def link(self) -> str:
        """What to open in a browser."""
        return self.page("/")

    def page(self, path: str) -> str:
        """A page's link; the token is in the part that browsers never send nor log."""
        assert self._serve is not None
        scheme = "https" if self._serve.certificate else "http"
        host = self._serve.host if self._serve.host not in EVERYWHERE else hooks.network_address()
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}:{self.port}{path}" + (f"#token={self._serve.token}" if self._serve.token else "")

    def greeting(self) -> list[str]:
        """What the user should know when it runs."""
        lines = []
        if self._serve is not None:
            lines.append(f"Watch: {self.link}")
            if self._ingest is not None:
                lines.append(f"Send a camera: {self.page('/camera')}")
            if not self._serve.is_loopback and not self._serve.certificate:
                lines.append("Others on the way can read along: for https give --tls-cert and --tls-key.")
                if self._ingest is not None:
                    lines.append("Browsers give other machines' pages a camera by https only.")
        return lines

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Takes a picture, (H, W, 3) RGB, that nobody will change. Never waits."""
        if picture is not None:
            self._broadcast.put(picture, result.frame.captured, result)

    def close(self) -> None:
        """Says goodbye to all peers and ends both threads."""
        if self._thread.is_alive():
            self._post(self._stop.set)
            self._thread.join()
        self._broadcast.close()

    def __enter__(self) -> WebRtcOutput:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _post(self, function: Callable[..., object], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: we are on our way out
            self._loop.call_soon_threadsafe(function, *arguments)

    def _raise(self, error: BaseException) -> None:
        if isinstance(error, OSError) and self._serve is not None:
            place = f"{self._serve.host}:{self._serve.port}"
            reason = (error.strerror or str(error)).lower()
            raise UserError(
                f"The server cannot listen at {place}: {reason}.",
                "Is another one running there? Choose with --serve HOST:PORT.",
            ) from error
        raise error

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        except BaseException as error:
            if self._ready.is_set():
                log.exception("The WebRTC server ended.")
            self._error = error
        finally:
            self._loop.run_until_complete(_end_tasks())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
            self._ready.set()

    async def _main(self) -> None:
        async with AsyncExitStack() as ends:
            sessions = publisher = None
            if self._publish is not None:
                publisher = Publisher(self._publish, self._broadcast, self.metrics)
                ends.push_async_callback(publisher.close)  # the last: our own viewers do not wait for a media server
            if self._serve is not None:
                sessions = await self._start_server(self._serve, ends)
            if publisher is not None:
                publisher.start()
            self._ready.set()
            while not self._stop.is_set():
                self._broadcast.tick()
                if sessions is not None:
                    sessions.sweep(time.monotonic())
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._stop.wait()

    async def _start_server(self, options: ServeOptions, ends: AsyncExitStack) -> Sessions:
        limits = options.limits
        sessions = Sessions(self._broadcast, self.metrics, limits, _media_addresses(options.host), self._ingest)
        throttle = Throttle(limits.offers_per_second, limits.offers_at_once)
        signalling = Signalling(sessions, self.metrics, limits, throttle.allows)
        site = Site(options, self.metrics, self._switches, self._shape_names)
        application = web.Application(middlewares=[site.check], client_max_size=limits.body)
        application.add_routes([*site.routes(), *signalling.routes()])
        # No access log: it would be the one place where the names of sessions end up.
        runner = web.AppRunner(
            application, access_log=None, logger=http_log, handle_signals=False, shutdown_timeout=1.0
        )
        await runner.setup()
        ends.push_async_callback(runner.cleanup)
        assert runner.server is not None
        door = Door(runner.server, limits.connections, limits.header_seconds + limits.body_seconds)
        ends.callback(door.close)
        ends.push_async_callback(sessions.close_all)
        tls = tls_context(options)
        server = await self._loop.create_server(
            door,
            options.host,
            options.port,
            ssl=tls,
            ssl_handshake_timeout=limits.header_seconds if tls else None,  # the door sees whoever is through with it
            backlog=64,
        )
        ends.callback(server.close)
        self.port = server.sockets[0].getsockname()[1]
        return sessions


async def _end_tasks() -> None:
    """Whoever still waits, as aiohttp does for the rest of a request whose sender is gone, waits no more."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=END_SECONDS)


def _media_addresses(host: str) -> tuple[str, ...] | None:
    """Where media sockets are opened: where the web server listens, so that nobody else can reach them."""
    if host in EVERYWHERE:
        return None
    if host == "localhost":
        return ("127.0.0.1",)
    try:
        return (str(ipaddress.ip_address(host)),)
    except ValueError:
        return None  # a name: some address of this machine
