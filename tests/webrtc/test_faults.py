"""What networks and viewers do. In each test somebody else goes on watching, and notices nothing."""

from __future__ import annotations

import asyncio
import random
import time

from realtime.outputs.webrtc import sending, timecode
from realtime.outputs.webrtc.broadcast import KEYFRAME_SECONDS
from realtime.outputs.webrtc.options import Limits, ServeOptions

from .fakes import Client, goes_on, until, witness_of


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


def test_a_viewer_whose_sending_breaks_down_is_let_go(serve, monkeypatch):
    """Such as by an error of the encryption: the page then connects again, rather than to show the last picture."""
    running = serve()

    async def check():
        witness = await witness_of(running)
        broken = Client(running.base)
        await broken.join()
        await broken.frames(2)
        stream = broken.peer.getReceivers()[0].getSynchronizationSources()[0].source
        count = sending._count

        def fails(sender, *others):
            if sender._ssrc == stream:
                raise ValueError("no cipher")
            count(sender, *others)

        monkeypatch.setattr(sending, "_count", fails)
        reading = asyncio.ensure_future(witness.frames(600, 60))
        await until(lambda: broken.peer.connectionState == "closed")
        reading.cancel()
        assert running.value("viewers") == 1
        await goes_on(witness)
        await witness.leave()
        await broken.leave()

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
