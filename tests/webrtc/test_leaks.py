"""What is left of viewers who left, and of a server that was closed: nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time

import psutil
import pytest

from realtime.errors import UserError
from realtime.outputs.webrtc.options import Limits, PublishOptions, ServeOptions
from realtime.outputs.webrtc.publish import GOODBYE_SECONDS
from realtime.outputs.webrtc.server import WebRtcOutput
from realtime.sources.webrtc import WebRtcSource

from .fakes import CameraTrack, Client, make_certificate, until


def test_two_hundred_joins_leave_nothing(serve):
    """File descriptors, threads and memory come back to where they were after a warm-up.

    Of each twenty joins four are whole connections, eight say goodbye before they connect, eight never come back.
    """
    limits = Limits(viewers=500, connect_seconds=4.0, offers_per_second=1e6, offers_at_once=10_000)
    running = serve(ServeOptions(port=0, limits=limits), size=(160, 120))
    process = psutil.Process()

    async def whole_join() -> None:
        client = Client(running.base)
        await client.join()
        await client.frames(1)
        await client.leave()

    async def twenty_joins(stranger: Client, offer: str) -> None:
        await asyncio.gather(*(whole_join() for _ in range(4)))
        for goodbye in [True, False] * 8:
            status, headers, _ = await stranger.post("/whep", offer)
            assert status == 201
            if goodbye:
                assert (await stranger.request("DELETE", headers["Location"]))[0] == 200

    def objects_alive() -> int:
        gc.collect()
        return len(gc.get_objects())

    async def joins(count: int, at_most: float = float("inf")) -> tuple[int, int, int, int]:
        stranger = Client(running.base)
        offer = await stranger.offer()
        for _ in range(count // 20):
            await twenty_joins(stranger, offer)
        await stranger.peer.close()
        await until(lambda: running.value("peers") == 0, 20)
        for _ in range(30):  # the libraries' own timers let go of a closed peer some seconds later
            if objects_alive() < at_most:
                break
            await asyncio.sleep(1.0)
        return process.num_fds(), threading.active_count(), objects_alive(), process.memory_info().rss

    fds, threads, objects, memory = asyncio.run(joins(60))
    most = objects + 200 * 20  # a session that stays is hundreds of objects
    fds_after, threads_after, objects_after, memory_after = asyncio.run(joins(200, most))
    assert fds_after <= fds + 2
    assert threads_after <= threads + 1
    assert objects_after < most
    assert memory_after - memory < 30e6  # rough: the clients live in this process too


def test_closing_leaves_nothing_and_says_goodbye():
    """Threads and descriptors go; a viewer hears at once that it is over."""

    async def check() -> float:
        output = WebRtcOutput(ServeOptions(port=0))
        client = Client(f"http://127.0.0.1:{output.port}")
        await client.join()
        await client.connected()
        begun = time.monotonic()
        await asyncio.get_running_loop().run_in_executor(None, output.close)
        took = time.monotonic() - begun
        await until(lambda: client.peer.connectionState == "closed", 2)
        return took

    asyncio.run(check())
    gc.collect()
    before = (len(os.listdir("/proc/self/fd")), threading.active_count())
    took = asyncio.run(check())
    gc.collect()
    after = (len(os.listdir("/proc/self/fd")), threading.active_count())
    assert took < 1.5
    assert after[0] <= before[0]
    assert after[1] <= before[1]


def test_closing_in_the_middle_of_everything_leaves_nothing(tmp_path, caplog):
    """A camera that is sent, a viewer who never connects, half an offer, half a handshake, a lame media server."""
    certificate, key = make_certificate(tmp_path)
    source = WebRtcSource()

    async def open_and_say(port: int, text: str) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text.encode())
        return writer

    async def lame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes any stream with an answer that is none, and never answers the goodbye."""
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"DELETE"):
            goodbyes.append(head)
            return
        answer = "HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nLocation: /9\r\nContent-Length: 2\r\n\r\nv="
        writer.write(answer.encode())

    async def check() -> None:
        goodbyes.clear()
        media = await asyncio.start_server(lame, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{media.sockets[0].getsockname()[1]}/"
        plain = WebRtcOutput(ServeOptions(port=0), PublishOptions(url), ingest=source.take)
        secure = WebRtcOutput(ServeOptions(port=0, certificate=certificate, key=key))
        base = f"http://127.0.0.1:{plain.port}"
        camera, mute = Client(base), Client(base)
        await camera.join("/whip", track=CameraTrack())
        await camera.connected()
        await mute.post("/whep", await mute.offer())
        head = "POST /whep HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nContent-Length: 9\r\n\r\nv="
        writers = [await open_and_say(plain.port, head), await open_and_say(secure.port, "")]
        await until(lambda: goodbyes)
        begun = time.monotonic()
        closing = asyncio.get_running_loop().run_in_executor(None, plain.close)
        await until(lambda: camera.peer.connectionState == "closed", 2)
        assert not closing.done()  # those who watch and send do not wait for the media server
        await closing
        assert time.monotonic() - begun < GOODBYE_SECONDS + 2
        await asyncio.get_running_loop().run_in_executor(None, secure.close)
        assert not asyncio.all_tasks(plain._loop) | asyncio.all_tasks(secure._loop)
        for writer in writers:
            writer.close()
        await mute.peer.close()
        media.close()

    goodbyes: list[bytes] = []
    asyncio.run(check())
    gc.collect()
    before = (len(os.listdir("/proc/self/fd")), threading.active_count())
    asyncio.run(check())
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before[0]
    assert threading.active_count() <= before[1]
    assert "was destroyed" not in caplog.text


def test_leaving_while_the_connection_is_made_leaves_no_task(serve):
    """Whatever was about to begin when the viewer left: checks, encryption, sending. aiortc alone lets it begin."""
    running = serve(ServeOptions(port=0, limits=Limits(offers_per_second=1e6, offers_at_once=10_000)))

    async def join_and_leave(after: float) -> None:
        client = Client(running.base)
        await client.join()
        await asyncio.sleep(after)
        await client.leave()

    async def check() -> list[asyncio.Task]:
        for start in range(0, 120, 8):
            await asyncio.gather(*(join_and_leave((start + more) / 1000) for more in range(8)))
        await until(lambda: running.value("peers") == 0)
        await asyncio.sleep(1.0)  # what ends by itself has ended by then
        return [task for task in asyncio.all_tasks(running.output._loop) if "_main" not in str(task.get_coro())]

    assert asyncio.run(check()) == []


def test_a_taken_port_is_told_in_two_lines(serve):
    running = serve()
    with pytest.raises(UserError, match="cannot listen") as caught:
        WebRtcOutput(ServeOptions(port=running.output.port))
    assert "\n" not in caught.value.message + caught.value.remedy
