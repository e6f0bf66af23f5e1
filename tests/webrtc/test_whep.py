"""Watching, as the WHEP draft and RFC 9725 have it, with a client that is no browser."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from realtime.outputs.webrtc import timecode
from realtime.outputs.webrtc.facedata import FACE, HEADER
from realtime.outputs.webrtc.options import Limits, ServeOptions

from .fakes import Client, until, wall_ms

TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_viewer_sees_the_picture(serve, codec):
    running = serve()

    async def watch():
        client = Client(running.base)
        await client.join(codec=codec)
        frames = await client.frames(20)
        await client.leave()
        return frames, wall_ms()

    frames, now = asyncio.run(watch())
    times = [timecode.read(frame) for frame in frames]
    assert frames[-1].shape == (480, 640, 3)
    assert None not in times
    assert times == sorted(times)
    assert now % timecode.PERIOD - times[-1] < 2000
    assert np.abs(frames[-1][100, 5].astype(int) - 90).max() < 12  # colours survive


def test_answer_is_what_the_standard_says(serve):
    running = serve()

    async def ask():
        client = Client(running.base)
        status, headers, body = await client.post("/whep", await client.offer())
        gone = await client.request("DELETE", headers["Location"])
        again = await client.request("DELETE", headers["Location"])
        await client.peer.close()
        return status, headers, body, gone[0], again[0]

    status, headers, body, gone, again = asyncio.run(ask())
    assert status == 201
    assert headers["Content-Type"] == "application/sdp"
    assert headers["Location"].startswith("/whep/")
    assert headers["ETag"].startswith('"')
    assert headers["ETag"].endswith('"')
    assert body.startswith("v=0\r\n")
    assert "a=sendonly" in body
    assert " H264/90000" in body
    assert (gone, again) == (200, 404)


def test_methods_types_and_unknown_sessions(serve):
    running = serve()

    async def ask():
        client = Client(running.base)
        offer = await client.offer()
        answers = {
            "get": await client.request("GET", "/whep"),
            "put": await client.request("PUT", "/whep", offer),
            "options": await client.request("OPTIONS", "/whep"),
            "json": await client.request("POST", "/whep", "{}", {"Content-Type": "application/json"}),
            "patch": await client.request("PATCH", "/whep/no-such-session", "a=mid:0\r\n"),
            "whip": await client.post("/whip", offer),
            "path": await client.request("GET", "/../../etc/passwd"),
            "file": await client.request("GET", "/server.py"),
        }
        await client.peer.close()
        return answers

    answers = asyncio.run(ask())
    assert answers["get"][0] == 405
    assert "POST" in answers["get"][1]["Allow"]
    assert answers["put"][0] == 405
    assert answers["options"][0] == 204
    assert answers["options"][1]["Accept-Post"] == "application/sdp"
    assert answers["json"][0] == 415
    assert answers["patch"][0] == 404
    assert answers["whip"][0] == 404
    assert answers["path"][0] == answers["file"][0] == 404


def test_trickle_and_its_conditions(serve):
    running = serve()
    fragment = "a=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n"
    kind = {"Content-Type": "application/trickle-ice-sdpfrag"}

    async def ask():
        client = Client(running.base)
        await client.join()
        session = client.session
        statuses = [
            (await client.request("PATCH", session, body, {**kind, **headers}))[0]
            for body, headers in (
                (fragment, {"If-Match": client.etag}),
                (fragment, {}),
                (fragment, {"If-Match": '"another"'}),
                (fragment, {"If-Match": client.etag, "Content-Type": "text/plain"}),
                ("rubbish", {"If-Match": client.etag}),
                ("a=candidate:rubbish\r\n", {"If-Match": client.etag}),
                (
                    fragment.replace("a=end-of", "a=candidate:2 1 udp 1 ::1 9 typ host\r\n" * 100 + "a=end-of"),
                    {"If-Match": client.etag},
                ),
                ("a=ice-ufrag:new1\r\na=ice-pwd:" + "x" * 22 + "\r\n", {"If-Match": "*"}),
            )
        ]
        await client.frames(2)
        await client.leave()
        return statuses

    assert asyncio.run(ask()) == [204, 428, 412, 415, 400, 400, 400, 422]


def test_token_opens_everything_but_the_pages(serve):
    running = serve(ServeOptions(port=0, token=TOKEN))

    async def ask():
        stranger, friend = Client(running.base, "a-token-of-some-length-no"), Client(running.base, TOKEN)
        offer = await friend.offer()
        refused = [
            await stranger.post("/whep", offer),
            await stranger.request("GET", "/metrics"),
            await stranger.request("GET", "/schema"),
            await stranger.request("POST", "/switches", "{}", {"Content-Type": "application/json"}),
            await stranger.request("DELETE", "/whep/anything"),
        ]
        statuses = [(await stranger.request("GET", path))[0] for path in ("/", "/camera", "/head", "/healthz")]
        taken = (await friend.post("/whep", offer))[0]
        await stranger.peer.close()
        await friend.peer.close()
        return refused, statuses, taken

    refused, statuses, taken = asyncio.run(ask())
    assert [status for status, _, _ in refused] == [401] * 5
    assert refused[0][1]["WWW-Authenticate"] == "Bearer"
    assert statuses == [200] * 4
    assert taken == 201


def test_viewers_are_limited_and_places_come_free(serve):
    running = serve(ServeOptions(port=0, limits=Limits(viewers=2)))

    async def ask():
        clients = [Client(running.base) for _ in range(4)]
        await clients[0].join()
        await clients[1].join()
        status, headers, _ = await clients[2].post("/whep", await clients[2].offer())
        await clients[0].leave()
        await clients[3].join()
        await clients[3].frames(2)
        for client in clients[1:]:
            await client.leave()
        return status, headers

    status, headers = asyncio.run(ask())
    assert status == 503
    assert "Retry-After" in headers


def test_offers_are_throttled(serve):
    running = serve(ServeOptions(port=0, limits=Limits(offers_per_second=1, offers_at_once=3)))

    async def ask():
        client = Client(running.base)
        statuses = [(await client.post("/whep", "rubbish"))[0] for _ in range(5)]
        await client.peer.close()
        return statuses

    assert asyncio.run(ask()) == [400, 400, 400, 429, 429]


@pytest.mark.parametrize("protocol", ["", "binary"])
def test_faces_come_with_their_picture(serve, protocol):
    running = serve()

    async def watch():
        client = Client(running.base)
        client.listen("face", protocol)
        client.listen("timing")
        client.listen("something else")
        await client.join()
        reading = asyncio.ensure_future(client.frames(60, 30))
        await until(lambda: sum(not _is_timing(message) for message in client.messages) >= 10)
        await until(lambda: any(_is_timing(message) for message in client.messages))
        reading.cancel()
        await client.leave()
        return client.messages

    messages = asyncio.run(watch())
    faces = [message for message in messages if not _is_timing(message)]
    if protocol == "binary":
        _, _, count, _, _, index = HEADER.unpack(faces[-1][: HEADER.size])
        numbers = FACE.unpack(faces[-1][HEADER.size :])
        assert count == 1
        assert numbers[0] == 7
        assert numbers[-52] == pytest.approx(index / 10000, abs=1e-4)
    else:
        assert faces[-1]["faces"][0]["blendshapes"][0] == pytest.approx(faces[-1]["frame"] / 10000, abs=1e-4)
        timing = next(message for message in messages if _is_timing(message))
        ticks = (timing["rtp"] - faces[0]["rtp"] + (1 << 31)) % (1 << 32) - (1 << 31)
        assert abs(ticks) < 90_000 * 5  # the same time line
        assert abs(timing["captured"] - wall_ms()) < 60_000


def _is_timing(message: object) -> bool:
    return isinstance(message, dict) and "captured" in message


def test_whoever_joins_a_still_picture_sees_it(serve):
    running = serve()

    async def watch():
        first = Client(running.base)
        await first.join()
        await first.frames(3)
        running.producer.paused.set()
        late = Client(running.base)
        await late.join()
        frames = await late.frames(1, 5)
        running.producer.paused.clear()
        await first.frames(5)
        await first.leave()
        await late.leave()
        return frames

    assert asyncio.run(watch())[0].shape == (480, 640, 3)


def test_large_pictures_are_scaled_down(serve):
    from realtime.outputs.webrtc.options import VideoOptions

    running = serve(video=VideoOptions(size=(320, 320)))

    async def watch():
        client = Client(running.base)
        await client.join()
        frames = await client.frames(2)
        await client.leave()
        return frames

    assert asyncio.run(watch())[-1].shape == (240, 320, 3)


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_the_picture_changes_its_size_while_it_is_watched(serve, codec):
    running = serve()

    async def watch():
        client = Client(running.base)
        await client.join(codec=codec)
        await client.frames(3)
        running.producer.size = (360, 640)  # a phone is turned
        sizes = []
        while not sizes or sizes[-1] != (640, 360):
            sizes += [frame.shape[:2] for frame in await client.frames(1)]
            assert len(sizes) < 60
        await client.frames(5)
        await client.leave()
        return sizes

    assert set(asyncio.run(watch())) == {(480, 640), (640, 360)}
