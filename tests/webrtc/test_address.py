"""Where the server and its media sockets can be reached, and how: https, the token of an open address."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp

from realtime.outputs.webrtc.options import serve_options

from .fakes import Client, make_certificate


def test_media_listens_where_the_server_listens(serve):
    running = serve()

    async def ask():
        client = Client(running.base)
        _, _, answer = await client.post("/whep", await client.offer())
        await client.peer.close()
        return answer

    candidates = [line for line in asyncio.run(ask()).splitlines() if line.startswith("a=candidate:")]
    assert candidates
    assert all(" 127.0.0.1 " in line for line in candidates)


def test_https(serve, tmp_path):
    certificate, key = make_certificate(tmp_path)
    options = serve_options("127.0.0.1:0", certificate=certificate, key=key)
    running = serve(options)
    assert running.output.link.startswith("https://127.0.0.1:")
    trust = ssl.create_default_context(cafile=certificate)
    trust.check_hostname = False

    async def ask():
        async with aiohttp.ClientSession() as http, http.get(running.output.link + "healthz", ssl=trust) as got:
            return got.status

    assert asyncio.run(ask()) == 200


def test_an_open_address_gets_a_token_and_says_so(serve):
    running = serve(serve_options("0.0.0.0:0"))
    link, warning = running.output.greeting()
    assert len(link.partition("#token=")[2]) >= 32
    assert "--tls-cert" in warning

    async def ask():
        client = Client(running.base)
        status = (await client.request("GET", "/metrics", "", {"Host": "some.name.of.ours"}))[0]
        await client.peer.close()
        return status

    assert asyncio.run(ask()) == 401
