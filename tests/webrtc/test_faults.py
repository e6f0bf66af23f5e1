"""What networks and strangers do. In each test somebody else goes on watching, and notices nothing."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import threading
import time

import psutil
import pytest

from realtime.errors import UserError
from realtime.outputs.webrtc import timecode
from realtime.outputs.webrtc.broadcast import KEYFRAME_SECONDS
from realtime.outputs.webrtc.options import Limits, ServeOptions
from realtime.outputs.webrtc.server import WebRtcOutput

from .fakes import Client, Switches, until

TOKEN = "a-token-of-some-length"


async def goes_on(witness: Client, count: int = 10) -> None:
    """The witness sees the picture move."""
    times = [timecode.read(frame) for frame in await witness.frames(count)]
    assert len({time for time in times if time is not None}) >= count - 2


async def witness_of(running) -> Client:
    witness = Client(running.base)
    await witness.join()
    await goes_on(witness, 3)
    return witness


def test_a_viewer_vanishes(serve):
    running = serve(ServeOptions(port=0, limits=Limits(silence_seconds=2.0)))

    async def check():
        witness = await witness_of(running)
        lost = Client(running.base)
        await lost.join()
        await lost.frames(3)
        assert running.value("viewers") == 2
        await lost.vanish()
        reading = asyncio.ensure_future(witness.frames(600, 60))
        await until(lambda: running.value("viewers") == 1, 6)
        reading.cancel()
        await goes_on(witness)
        await witness.leave()

    asyncio.run(check())


def test_a_viewer_never_answers_ice(serve):
    running = serve(ServeOptions(port=0, limits=Limits(connect_seconds=1.0)))

    async def check():
        witness = await witness_of(running)
        mute = Client(running.base)
        status, _, _ = await mute.post("/whep", await mute.offer())
        assert status == 201
        assert running.value("peers") == 2
        reading = asyncio.ensure_future(witness.frames(600, 60))
        await until(lambda: running.value("peers") == 1, 4)
        reading.cancel()
        assert running.value("viewers") == 1
        await witness.leave()
        await mute.peer.close()

    asyncio.run(check())


def test_the_source_stops_and_returns(serve):
    running = serve()

    async def check():
        witness = await witness_of(running)
        running.producer.paused.set()
        await asyncio.sleep(1.5)
        assert running.value("viewers") == 1
        running.producer.paused.clear()
        await witness.frames(5)  # what was repeated meanwhile
        await goes_on(witness)
        await witness.leave()

    asyncio.run(check())


def test_loss_and_delay(serve):
    """5 % of the packets lost and 100 ms there and back, both ways, in a transport made for it."""
    running = serve()
    chance = random.Random(3)

    def spoil(client: Client) -> None:
        loop = asyncio.get_running_loop()
        for transceiver in client.peer.getTransceivers():
            for protocol in transceiver.receiver.transport.transport._connection._protocols:
                transport, receive = protocol.transport, protocol.datagram_received

                def late_send(data, address, send=transport.sendto):
                    if chance.random() >= 0.05:
                        loop.call_later(0.05, send, data, address)

                def late_receive(data, address, receive=receive):
                    if chance.random() >= 0.05:
                        loop.call_later(0.05, receive, data, address)

                class Wire:
                    sendto = staticmethod(late_send)
                    close = transport.close
                    get_extra_info = transport.get_extra_info

                protocol.transport, protocol.datagram_received = Wire, late_receive

    async def check():
        witness = await witness_of(running)
        poor = Client(running.base)
        offer = await poor.offer()
        spoil(poor)
        status, headers, body = await poor.post("/whep", offer)
        assert status == 201
        from aiortc import RTCSessionDescription

        await poor.peer.setRemoteDescription(RTCSessionDescription(body, "answer"))
        poor.session = headers["Location"]
        watching = asyncio.ensure_future(witness.frames(90, 20))
        frames = await poor.frames(90, 20)
        good = [timecode.read(frame) for frame in frames]
        assert sum(time is not None for time in good) >= 80
        assert len({time for time in good if time is not None}) >= 75
        seen = [timecode.read(frame) for frame in await watching]
        assert sum(time is not None for time in seen) >= 88
        await witness.leave()
        await poor.peer.close()

    asyncio.run(check())


def test_keyframes_are_not_sent_for_the_asking(serve):
    """A viewer that asks for a keyframe fifty times a second gets two a second, and so do all others."""
    from aiortc.rtp import RTCP_PSFB_PLI, RtcpPsfbPacket

    running = serve()

    async def check():
        witness = await witness_of(running)
        before, begun = running.value("keyframes_total"), time.monotonic()
        receiver = witness.peer.getReceivers()[0]
        reading = asyncio.ensure_future(witness.frames(600, 60))
        ssrc = receiver.getSynchronizationSources()[0].source
        while time.monotonic() - begun < 2:
            await receiver._send_rtcp(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=ssrc))
            await asyncio.sleep(0.02)
        reading.cancel()
        keyframes = running.value("keyframes_total") - before
        assert running.value("keyframe_requests_total") > 20
        assert 2 <= keyframes <= (time.monotonic() - begun) / KEYFRAME_SECONDS + 1
        await witness.leave()

    asyncio.run(check())


def test_rubbish(serve):
    running = serve(ServeOptions(port=0, limits=Limits(offers_per_second=1000, offers_at_once=1000)))
    chance = random.Random(5)

    async def check():
        witness = await witness_of(running)
        client = Client(running.base)
        offer = await client.offer()
        lines = offer.split("\r\n")
        bodies: list[str | bytes] = [
            "", "v=0", "{}", "\x00" * 100, b"\xff\xfe" * 50, offer[: len(offer) // 2], offer.replace("\r\n", " "),
            offer.replace("H264", "H263").replace("VP8", "VP7"), offer.replace("sha-256", "md5"),
            offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), offer + offer, offer.replace("m=video 9", "m=video x"),
            offer.replace("a=ice-pwd:", "a=ice-pwd:!"), offer.replace("a=rtpmap:", "a=rtpmap:x"),
            *("\r\n".join(chance.sample(lines, len(lines))) for _ in range(5)),
            *("\r\n".join(line for line in lines if chance.random() > 0.2) for _ in range(15)),
        ]  # fmt: skip
        statuses = []
        for body in bodies:
            status, headers, _ = await client.request("POST", "/whep", body, {"Content-Type": "application/sdp"})
            statuses.append(status)
            if status == 201:  # a line more or less may not matter
                await client.request("DELETE", headers["Location"])
        assert set(statuses) <= {400, 201}
        assert statuses[:8] == [400] * 8
        huge, _, _ = await client.request(
            "POST", "/whep", "v=0\r\n" + "a=x\r\n" * 100_000, {"Content-Type": "application/sdp"}
        )
        assert huge == 413
        await goes_on(witness)
        assert running.value("peers") == 1
        await witness.leave()
        await client.peer.close()

    asyncio.run(check())


def test_slow_senders_are_shown_out(serve):
    limits = Limits(header_seconds=0.7, body_seconds=0.5, connections=12)
    running = serve(ServeOptions(port=0, limits=limits))

    async def slow(text: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.output.port)
        try:
            for byte in text:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.015)
            return await asyncio.wait_for(reader.read(), 5)
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def check():
        witness = await witness_of(running)
        head = b"POST /whep HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nContent-Length: 900\r\n\r\n"

        async def body() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.output.port)
            writer.write(head + b"v=0\r\n")
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return answer

        answers = await asyncio.gather(*(slow(head) for _ in range(4)), *(slow(b"") for _ in range(3)), body())
        assert answers[:7] == [b""] * 7
        assert b" 408 " in answers[7].split(b"\r\n")[0]
        await goes_on(witness)
        # More connections than there is room for: those beyond are closed at once, and room comes back.
        crowd = [await asyncio.open_connection("127.0.0.1", running.output.port) for _ in range(20)]
        await asyncio.sleep(0.2)
        assert sum(reader.at_eof() for reader, _ in crowd) >= 8
        await asyncio.sleep(1.5)
        for _, writer in crowd:
            writer.close()
        assert (await witness.request("GET", "/healthz"))[0] == 200
        await witness.leave()

    asyncio.run(check())


def test_other_pages_and_names_are_refused(serve):
    running = serve()

    async def check():
        client = Client(running.base)
        offer = await client.offer()
        kind = {"Content-Type": "application/sdp"}
        port = running.output.port
        statuses = [
            (await client.request("POST", "/whep", offer, {**kind, **headers}))[0]
            for headers in (
                {"Origin": "https://evil.example"},
                {"Origin": f"http://evil.example:{port}", "Host": f"evil.example:{port}"},
                {"Host": "evil.example"},
                {"Origin": f"http://127.0.0.1:{port}"},
            )
        ]
        _, headers, _ = await client.request("GET", "/")
        _, preflight, _ = await client.request(
            "OPTIONS", "/whep", "", {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        )
        await client.peer.close()
        return statuses, headers, preflight

    statuses, headers, preflight = asyncio.run(check())
    assert statuses == [403, 421, 421, 201]
    assert "Access-Control-Allow-Origin" not in preflight
    assert "Access-Control-Allow-Origin" not in headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_switches(serve):
    fake = Switches()
    running = serve(switches=fake)

    async def check():
        client = Client(running.base)
        kind = {"Content-Type": "application/json"}
        bodies = [
            '{"view": "off", "gaze": true}',
            '{"view": "none"}',
            '{"gaze": 1}',
            '{"other": true}',
            "[]",
            "{",
            "[" * 9999,
        ]
        answers = [await client.request("POST", "/switches", body, kind) for body in bodies]
        plain = await client.request("POST", "/switches", bodies[0], {"Content-Type": "text/plain"})
        await client.peer.close()
        return [status for status, _, _ in answers], plain[0], json.loads(answers[0][2])

    statuses, plain, said = asyncio.run(check())
    assert statuses == [200, 422, 422, 422, 422, 400, 400]
    assert plain == 415
    assert said == {"values": {"view": "off", "gaze": True}, "choices": {"view": ["wire", "off"]}}
    assert fake.state == {"view": "off", "gaze": True}


def test_logs_carry_no_token_and_no_sdp(serve, caplog):
    caplog.set_level(logging.INFO)
    running = serve(ServeOptions(port=0, token=TOKEN))

    async def check():
        client = Client(running.base, TOKEN)
        await client.join()
        await client.frames(2)
        await client.post("/whep", "v=0 rubbish")
        session = client.session
        await client.leave()
        return session

    session = asyncio.run(check())
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("realtime")]
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert not ours
    assert TOKEN not in text
    assert "ice-pwd" not in text
    assert session.rpartition("/")[2] not in text


def test_two_hundred_joins_leave_nothing(serve):
    """File descriptors, threads and memory come back to where they were after a warm-up.

    Of each twenty joins four are whole connections, eight say goodbye before they connect, eight never come back.
    """
    limits = Limits(viewers=500, connect_seconds=1.0, offers_per_second=1e6, offers_at_once=10_000)
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
        await until(lambda: running.value("peers") == 0)
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


def test_a_taken_port_is_told_in_two_lines(serve):
    running = serve()
    with pytest.raises(UserError, match="cannot listen") as caught:
        WebRtcOutput(ServeOptions(port=running.output.port))
    assert "\n" not in caught.value.message + caught.value.remedy
