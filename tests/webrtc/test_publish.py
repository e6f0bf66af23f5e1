"""Sending the stream on by WHIP: to our own endpoint, and byte by byte against the standard's rules."""

from __future__ import annotations

import asyncio
import re

import pytest

from realtime.outputs.webrtc.options import PublishOptions, ServeOptions
from realtime.outputs.webrtc.publish import LONGEST_ASKED_WAIT, LONGEST_WAIT, SPREAD, _asked_wait, backoff
from realtime.outputs.webrtc.server import WebRtcOutput
from realtime.sources.webrtc import WebRtcSource

from .fakes import Producer, until
from .test_whip import Reader

TOKEN = "a-token-of-some-length"


class Recorder:
    """A bare server: keeps the bytes of each request and answers what it is told to."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.requests = list(answers), []

    async def __aenter__(self) -> Recorder:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        self.requests.append((head.decode(), body.decode()))
        answer = self.answers.pop(0) if self.answers else b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
        writer.write(answer.replace(b"PORT", str(self.port).encode()))
        await writer.drain()
        writer.close()


def publishing(url: str, token: str | None = TOKEN) -> WebRtcOutput:
    return WebRtcOutput(None, PublishOptions(url, token))


def test_reaches_our_own_endpoint_and_comes_back_after_a_break():
    source = WebRtcSource()
    reader = Reader(source)
    server = WebRtcOutput(ServeOptions(port=0, token=TOKEN), ingest=source.take)
    port = server.port
    with publishing(f"http://127.0.0.1:{port}/whip") as output, Producer(output):
        asyncio.run(until(lambda: reader.size == (640, 480)))
        server.close()
        count = len(reader.got)
        server = WebRtcOutput(ServeOptions(port=port, token=TOKEN), ingest=source.take)
        asyncio.run(until(lambda: len(reader.got) > count + 5, 15))
        assert server.metrics.values()["publishers"] == 1
    asyncio.run(until(lambda: server.metrics.values()["peers"] == 0, 3))  # it said goodbye
    server.close()
    reader.close()


def test_the_offer_keeps_the_standards_rules():
    async def check():
        async with Recorder() as server:
            with publishing(f"http://127.0.0.1:{server.port}/live/whip?x=1"):
                await until(lambda: server.requests)
        return server.requests[0]

    head, body = asyncio.run(check())
    lines = head.split("\r\n")
    fields = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines[1:] if ": " in line}
    assert lines[0] == "POST /live/whip?x=1 HTTP/1.1"
    assert fields["content-type"] == "application/sdp"
    assert fields["authorization"] == f"Bearer {TOKEN}"
    assert fields["content-length"] == str(len(body))
    assert body.startswith("v=0\r\n")
    assert body.endswith("\r\n")
    assert body.count("m=") == 1
    for needed in ("a=group:BUNDLE 0", "a=sendonly", "a=setup:actpass", "a=rtcp-mux", "a=mid:0", "a=end-of-candidates"):
        assert f"\r\n{needed}\r\n" in body
    for needed in ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 ", "a=candidate:"):
        assert f"\r\n{needed}" in body
    assert body.index("H264/90000") < body.index("VP8/90000")


def test_redirects_are_followed_but_the_token_stays_home():
    async def check():
        async with Recorder() as other:
            moved = f"HTTP/1.1 307 Moved\r\nLocation: http://localhost:{other.port}/there\r\nContent-Length: 0\r\n\r\n"
            near = b"HTTP/1.1 308 Moved\r\nLocation: /here\r\nContent-Length: 0\r\n\r\n"
            async with Recorder(near, moved.encode()) as server:
                with publishing(f"http://127.0.0.1:{server.port}/whip"):
                    await until(lambda: other.requests)
            return server.requests, other.requests

    requests, others = asyncio.run(check())
    assert requests[1][0].startswith("POST /here ")
    assert f"Bearer {TOKEN}" in requests[1][0]
    assert others[0][0].startswith("POST /there ")
    assert "authorization" not in others[0][0].lower()
    assert requests[0][1] == requests[1][1] == others[0][1]


def test_a_session_that_was_opened_is_deleted():
    answer = (
        b"HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nLocation: session/9\r\n"
        b"Content-Length: 8\r\n\r\nrubbish!"
    )

    async def check():
        async with Recorder(answer) as server:
            with publishing(f"http://127.0.0.1:{server.port}/live/whip"):
                await until(lambda: len(server.requests) >= 2)
        return server.requests[1][0]

    head = asyncio.run(check())
    assert head.startswith("DELETE /live/session/9 HTTP/1.1\r\n")
    assert f"Bearer {TOKEN}" in head


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 307 Again\r\nLocation: /whip\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_it_goes_on_trying_and_never_tells_the_token(answer, caplog):
    async def check():
        async with Recorder(*[answer] * 20) as server:
            with publishing(f"http://127.0.0.1:{server.port}/whip"):
                await until(lambda: "Trying again" in caplog.text)
                seen = len(server.requests)
                await until(lambda: len(server.requests) > seen)

    asyncio.run(check())
    assert "127.0.0.1" in caplog.text
    assert TOKEN not in caplog.text
    assert "v=0" not in caplog.text


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("999999999", LONGEST_ASKED_WAIT), ("-1", None), ("soon", None), ("", None), (None, None)],
)
def test_a_server_may_ask_for_a_longer_wait_but_not_for_ever(header, seconds):
    assert _asked_wait(header) == seconds


def test_backoff_doubles_to_a_limit():
    assert [backoff(attempt, 0) for attempt in range(7)] == [1, 2, 4, 8, 16, LONGEST_WAIT, LONGEST_WAIT]
    assert backoff(2, 1) == pytest.approx(4 * (1 + SPREAD))
    assert backoff(10_000, -1) == pytest.approx(LONGEST_WAIT * (1 - SPREAD))
