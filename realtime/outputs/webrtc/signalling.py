"""WHEP (watching) and WHIP (sending) over HTTP: RFC 9725 and draft-ietf-wish-whep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from realtime.outputs.webrtc.metrics import Metrics
from realtime.outputs.webrtc.options import Limits
from realtime.outputs.webrtc.sdp import BadOffer, parse_fragment
from realtime.outputs.webrtc.sessions import Busy, Full, Kind, Session, Sessions

SDP_TYPE, FRAGMENT_TYPE = "application/sdp", "application/trickle-ice-sdpfrag"
RETRY_SECONDS = "5"
PATHS: dict[Kind, str] = {"viewer": "/whep", "publisher": "/whip"}


class Signalling:
    """The handlers of both endpoints; they differ only in what the session does.

    Args:
        sessions: who is connected.
        metrics: where refusals are counted.
        limits: sizes and times.
        may_offer: whether an address may open one more session now.
    """

    def __init__(self, sessions: Sessions, metrics: Metrics, limits: Limits, may_offer: Callable[[str], bool]) -> None:
        self._sessions, self._metrics, self._limits, self._may_offer = sessions, metrics, limits, may_offer

    def routes(self) -> list[web.RouteDef]:
        """What is served where. aiohttp answers other methods with 405 and the list of those allowed."""
        routes: list[web.RouteDef] = []
        for kind, path in PATHS.items():
            routes += [
                web.post(path, self._bound(self._offer, kind)),
                web.options(path, _options),
                web.patch(f"{path}/{{key}}", self._bound(self._trickle, kind)),
                web.delete(f"{path}/{{key}}", self._bound(self._leave, kind)),
            ]
        return routes

    def _bound(
        self, handler: Callable[[web.Request, Kind], Awaitable[web.Response]], kind: Kind
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return await handler(request, kind)

        return handle

    async def _offer(self, request: web.Request, kind: Kind) -> web.Response:
        if kind == "publisher" and not self._sessions.takes_publishers:
            return self._refused(404, "no camera is taken here: start with --source webrtc")
        if not self._may_offer(request.remote or ""):
            return self._refused(429, "too many offers from this address", {"Retry-After": RETRY_SECONDS})
        if request.content_type != SDP_TYPE:
            return self._refused(415, f"the offer must be {SDP_TYPE}", {"Accept-Post": SDP_TYPE})
        try:
            offer = await self._text(request)
            open_session = self._sessions.view if kind == "viewer" else self._sessions.publish
            session = await open_session(offer)
        except BadOffer as error:
            return self._refused(400, str(error))
        except Full:
            return self._refused(503, "nobody more can be served now", {"Retry-After": RETRY_SECONDS})
        except Busy:
            return self._refused(409, "somebody sends a camera already", {"Retry-After": RETRY_SECONDS})
        headers = {
            "Location": f"{PATHS[kind]}/{session.key}",
            "ETag": session.etag,
            "Accept-Patch": FRAGMENT_TYPE,
        }
        return web.Response(status=201, body=session.answer.encode(), content_type=SDP_TYPE, headers=headers)

    async def _trickle(self, request: web.Request, kind: Kind) -> web.Response:
        session = self._session(request, kind)
        if session is None:
            return self._refused(404, "there is no such session")
        if request.content_type != FRAGMENT_TYPE:
            return self._refused(415, f"a change must be {FRAGMENT_TYPE}", {"Accept-Patch": FRAGMENT_TYPE})
        condition = request.headers.get("If-Match")
        if condition is None:
            return self._refused(428, "If-Match is missing")
        if condition not in ("*", session.etag):
            return self._refused(412, "the session has another ETag")
        try:
            fragment = parse_fragment(await self._text(request))
            if condition == "*" or fragment.ufrag not in (None, session.ufrag):
                return self._refused(422, "ICE restarts are not supported: connect anew")
            await self._sessions.trickle(session, fragment)
        except BadOffer as error:
            return self._refused(400, str(error))
        return web.Response(status=204)

    async def _leave(self, request: web.Request, kind: Kind) -> web.Response:
        session = self._session(request, kind)
        if session is None:
            return self._refused(404, "there is no such session")
        await self._sessions.close(session)
        return web.Response(status=200)

    def _session(self, request: web.Request, kind: Kind) -> Session | None:
        return self._sessions.find(request.match_info["key"], kind)

    async def _text(self, request: web.Request) -> str:
        """The body, which must come whole, soon and as UTF-8; too long ones end in 413 by themselves."""
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return (await request.read()).decode()
        except TimeoutError:
            self._metrics.add("refused_total")
            raise web.HTTPRequestTimeout(text="the body did not come in time\n") from None
        except UnicodeDecodeError:
            raise BadOffer("this is not UTF-8") from None

    def _refused(self, status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
        self._metrics.add("refused_total")
        return web.Response(status=status, text=reason + "\n", headers=headers)


async def _options(request: web.Request) -> web.Response:
    return web.Response(status=204, headers={"Accept-Post": SDP_TYPE, "Allow": "OPTIONS, POST"})
