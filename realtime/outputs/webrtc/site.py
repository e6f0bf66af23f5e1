"""The pages, the figures and the switches, and what is checked before anything is answered."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import resources
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from realtime.outputs.webrtc import facedata
from realtime.outputs.webrtc.guard import host_allowed, origin_allowed, token_matches
from realtime.outputs.webrtc.metrics import Metrics
from realtime.outputs.webrtc.options import ServeOptions

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Path -> file and type. Read once at the start: nothing else of the file system can be asked for.
FILES = {
    "/": ("viewer.html", "text/html"),
    "/camera": ("camera.html", "text/html"),
    "/head": ("head.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/link.js": ("link.js", "text/javascript"),
    "/viewer.js": ("viewer.js", "text/javascript"),
    "/camera.js": ("camera.js", "text/javascript"),
    "/head.js": ("head.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
OPEN_TO_ALL = frozenset(FILES) | {"/healthz"}  # no secrets in them; the pages bring the token from their link

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Switches(Protocol):
    """What viewers may change about the picture. Called on the server's thread; must not wait."""

    def values(self) -> Mapping[str, object]:
        """Name -> a truth value, or a word."""
        ...

    def choices(self) -> Mapping[str, Mapping[str, str]]:
        """For those that are words: which there are, and what each means."""
        ...

    def change(self, name: str, value: object) -> None:
        """Sets one; name and value are among those told."""
        ...


class NoSwitches:
    """Nothing to change."""

    def values(self) -> Mapping[str, object]:
        """None."""
        return {}

    def choices(self) -> Mapping[str, Mapping[str, str]]:
        """None."""
        return {}

    def change(self, name: str, value: object) -> None:
        """Never called."""


class NoSendersText(logging.Filter):
    """Keeps senders' mistakes out of aiohttp's log: its errors quote what it cannot read, token and SDP included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may be written."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (HttpProcessingError, web.RequestPayloadError, ConnectionError))


class Site:
    """Pages, `/healthz`, `/metrics`, `/schema` and `/switches`.

    Args:
        options: whose token opens it.
        metrics: what `/metrics` shows.
        switches: what may be changed.
        shape_names: the 52 blendshapes, for `/schema`.
    """

    def __init__(self, options: ServeOptions, metrics: Metrics, switches: Switches, shape_names: Sequence[str]) -> None:
        self._options, self._metrics, self._switches = options, metrics, switches
        pages = resources.files(__package__) / "pages"
        self._files = {path: ((pages / name).read_bytes(), kind) for path, (name, kind) in FILES.items()}
        self._schema = json.dumps(facedata.schema(shape_names), indent=2)

    def routes(self) -> list[web.RouteDef]:
        """What is served where."""
        return [
            *(web.get(path, self._file) for path in self._files),
            web.get("/healthz", self._health),
            web.get("/metrics", self._show_metrics),
            web.get("/schema", self._show_schema),
            web.get("/switches", self._show_switches),
            web.post("/switches", self._change_switches),
        ]

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Host, origin and token first, then the handler; the safety headers are on every answer."""
        try:
            refusal = self._refusal(request)
            response = refusal if refusal is not None else await handler(request)
        except web.HTTPException as error:
            if error.status < 400 or error.empty_body:
                raise
            if error.status >= 400:
                self._metrics.add("refused_total")
            response = web.Response(status=error.status, text=error.reason + "\n")
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except (web.RequestPayloadError, ConnectionError):  # not what its encoding says; or its sender is gone
            response = self._refused(400, "the body did not come whole")
        response.headers.update(HEADERS)
        # One request per connection: so the time for sending a request has one simple limit (see server.py).
        response.force_close()
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        host, origin = request.headers.get("Host"), request.headers.get("Origin")
        if not host_allowed(host, self._options.host):
            return self._refused(421, "this server answers to localhost only")
        if not origin_allowed(origin, host):
            return self._refused(403, "other pages may not use this server")
        if request.path in OPEN_TO_ALL and request.method in ("GET", "HEAD"):
            return None
        if not token_matches(self._options.token, request.headers.get("Authorization")):
            response = self._refused(401, "the token is missing or wrong")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        return None

    def _refused(self, status: int, reason: str) -> web.Response:
        self._metrics.add("refused_total")
        return web.Response(status=status, text=reason + "\n")

    async def _file(self, request: web.Request) -> web.Response:
        body, kind = self._files[request.path]
        return web.Response(body=body, content_type=kind, charset="utf-8")

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _show_metrics(self, request: web.Request) -> web.Response:
        self._metrics.set("network_cpu_seconds_total", time.thread_time())  # this is that thread
        return web.Response(body=self._metrics.text().encode(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _show_schema(self, request: web.Request) -> web.Response:
        return web.Response(text=self._schema, content_type="application/schema+json")

    async def _show_switches(self, request: web.Request) -> web.Response:
        values, choices = self._switches.values(), self._switches.choices()
        return web.json_response(
            {"values": dict(values), "choices": {name: dict(words) for name, words in choices.items()}}
        )

    async def _change_switches(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return self._refused(415, "changes must be application/json")
        try:
            async with asyncio.timeout(self._options.limits.body_seconds):
                wanted = json.loads(await request.read())
        except TimeoutError:
            return self._refused(408, "the body did not come in time")
        except (ValueError, RecursionError):
            return self._refused(400, "this is not JSON")
        if not isinstance(wanted, dict):
            return self._refused(422, "changes must be an object")
        values, choices = self._switches.values(), self._switches.choices()
        for name, value in wanted.items():
            if name in choices:
                fits = isinstance(value, str) and value in choices[name]
            else:
                fits = isinstance(value, bool) and isinstance(values.get(name), bool)
            if not fits:
                return self._refused(422, "there is no such switch or value")
        for name, value in wanted.items():
            self._switches.change(name, value)
        return await self._show_switches(request)
