"""What strangers send: rubbish, slow bodies, other pages' requests. In each test somebody goes on watching."""

from __future__ import annotations

import asyncio
import logging
import random

import aiohttp

from realtime.outputs.webrtc.options import Limits, ServeOptions

from .fakes import Client, goes_on, make_certificate, until, witness_of

TOKEN = "a-token-of-some-length"


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
            return await asyncio.wait_for(reader.read(), 20)
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
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer

        answers = await asyncio.gather(*(slow(head) for _ in range(4)), *(slow(b"") for _ in range(3)), body())
        assert answers[:7] == [b""] * 7
        assert b" 408 " in answers[7].split(b"\r\n")[0]
        await goes_on(witness)
        await witness.leave()

    asyncio.run(check())


def test_a_crowd_beyond_the_room_is_closed_at_once(serve):
    """Those who got in keep their places, and room comes back when they go."""
    running = serve(ServeOptions(port=0, limits=Limits(header_seconds=60, connections=12)))

    async def check():
        witness = await witness_of(running)
        crowd = [await asyncio.open_connection("127.0.0.1", running.output.port) for _ in range(20)]
        await until(lambda: sum(reader.at_eof() for reader, _ in crowd) >= 8)
        await goes_on(witness)
        assert not all(reader.at_eof() for reader, _ in crowd)
        for _, writer in crowd:
            writer.close()
        async with asyncio.timeout(10):
            while True:
                try:
                    status, _, _ = await witness.request("GET", "/healthz")
                    break
                except aiohttp.ClientConnectionError:  # the server has not heard of their going yet
                    await asyncio.sleep(0.02)
        assert status == 200
        await witness.leave()

    asyncio.run(check())


def test_slow_handshakes_are_shown_out(serve, tmp_path):
    """Who connects to an https address and says nothing holds no place for long."""
    certificate, key = make_certificate(tmp_path)
    running = serve(ServeOptions(port=0, certificate=certificate, key=key, limits=Limits(header_seconds=0.5)))

    async def check() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.output.port)
        said = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return said

    assert asyncio.run(check()) == b""


def test_wrong_tokens_and_wrong_methods_change_nothing(serve):
    running = serve(ServeOptions(port=0, token=TOKEN))

    async def check():
        witness = await witness_of(running, TOKEN)
        stranger = Client(running.base)
        offer = await stranger.offer()
        kind = {"Content-Type": "application/sdp"}
        wrong = ["", TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", "Bearer \xff"]
        for authorization in wrong:
            status, headers, _ = await stranger.request(
                "POST", "/whep", offer, {**kind, "Authorization": authorization}
            )
            assert (status, headers["WWW-Authenticate"]) == (401, "Bearer"), authorization
            status, _, _ = await stranger.request("DELETE", witness.session, "", {"Authorization": authorization})
            assert status == 401
        known = {"Authorization": f"Bearer {TOKEN}"}
        for method, path in (
            ("GET", "/whep"),
            ("PUT", "/whep"),
            ("DELETE", "/whep"),
            ("POST", "/metrics"),
            ("PUT", "/"),
        ):
            status, headers, _ = await stranger.request(method, path, "", known)
            assert status == 405, (method, path)
            assert method not in headers["Allow"]
        for method in ("GET", "POST", "PUT"):
            assert (await stranger.request(method, witness.session, "", known))[0] == 405
        await goes_on(witness)
        assert running.value("peers") == 1
        await witness.leave()
        await stranger.peer.close()

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


def test_every_answer_carries_the_safety_headers(serve):
    running = serve(ServeOptions(port=0, token=TOKEN))

    async def check():
        client, stranger = Client(running.base, TOKEN), Client(running.base)
        kind = {"Content-Type": "application/sdp"}
        answers = [
            await client.request("GET", "/"),
            await client.request("GET", "/metrics"),
            await stranger.request("GET", "/metrics"),
            await client.request("GET", "/../etc/passwd"),
            await client.request("PUT", "/whep"),
            await client.request("POST", "/whep", "rubbish", kind),
            await client.request("POST", "/whep", "v=0\r\n" * 20_000, kind),
            await client.request("POST", "/whep", "rubbish", {**kind, "Content-Encoding": "gzip"}),
            await client.request("GET", "/", "", {"Origin": "https://evil.example"}),
        ]
        await client.peer.close()
        await stranger.peer.close()
        return answers

    answers = asyncio.run(check())
    assert [status for status, _, _ in answers] == [200, 200, 401, 404, 405, 400, 413, 400, 403]
    for status, headers, _ in answers:
        assert headers["Content-Security-Policy"].startswith("default-src 'none'"), status
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert not [name for name in headers if name.startswith("Access-Control-")]


async def _mistakes(port: int) -> None:
    """Requests that aiohttp cannot read; its own errors quote them."""
    head = f"POST /whep HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nAuthorization: Bearer {TOKEN}"
    sdp = "v=0\r\na=ice-pwd:secret\r\n"
    for text in (
        f"{head}\x01\r\n\r\n",
        f"GET /whep?{TOKEN}\x01 HTTP/1.1\r\n\r\n",
        f"{TOKEN}\r\n\r\n",
        f"{head}\r\nContent-Length: -1\r\n\r\n",
        f"{head}\r\nTransfer-Encoding: chunked\r\n\r\n{sdp}",
        f"{head}\r\nContent-Encoding: gzip\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text.encode())
        assert b" 400 " in (await asyncio.wait_for(reader.read(), 20)).split(b"\r\n")[0], text
        writer.close()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}\r\nContent-Length: 900\r\n\r\n{sdp}".encode())
    await asyncio.sleep(0.1)
    writer.transport.abort()  # gone in the middle of it
    await asyncio.sleep(0.2)


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
    asyncio.run(_mistakes(running.output.port))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("realtime")]
    assert not ours
    assert TOKEN not in caplog.text  # with the tracebacks, unlike the messages
    assert "ice-pwd" not in caplog.text
    assert session.rpartition("/")[2] not in caplog.text
