"""A camera that needs no camera and a browser that needs no browser."""

from __future__ import annotations

import asyncio
import datetime
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import aiohttp
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import VideoStreamTrack

from realtime.frames import Camera, Coefficients, FaceState, Frame, FrameResult
from realtime.outputs.webrtc import timecode
from realtime.outputs.webrtc.server import WebRtcOutput

WIDTH, HEIGHT = 640, 480
SHAPES = tuple(f"shape{index}" for index in range(52))


class Switches:
    """What viewers may change."""

    def __init__(self) -> None:
        self.state: dict[str, object] = {"view": "wire", "hands": "show", "gaze": False}

    def values(self):
        return self.state

    def choices(self):
        return {"view": {"wire": "lines", "off": "the frame alone"}, "hands": {"show": "in front", "remove": "gone"}}

    def change(self, name, value):
        self.state[name] = value


def wall_ms() -> int:
    return round(time.time() * 1000)


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A bar that moves, and the time in squares."""
    image = np.full((height, width, 3), 90, np.uint8)
    at = index * 7 % (width - 40)
    image[height // 3 : height // 2, at : at + 40] = (255, 180, 0)
    if width >= 512:
        timecode.burn(image, wall_ms())
    return image


def face(index: int) -> FaceState:
    """A face whose numbers say which picture it belongs to: the first blendshape is index / 10000."""
    expression = np.zeros(52, np.float32)
    expression[0] = index / 10000
    pose = np.eye(4, dtype=np.float32)
    pose[:3, 3] = (1, 2, 600)
    points = np.zeros((3, 3), np.float32)
    state = Coefficients(np.zeros(2, np.float32), expression, pose, np.zeros(2, np.float32), np.zeros(27, np.float32))
    gaze = np.tile(np.float32([0, 0, -1]), (2, 1))
    landmarks = np.stack([np.arange(478), np.full(478, 10)], 1).astype(np.float32)
    return FaceState(7, state, points, points, landmarks, np.zeros((2, 2), np.float16), np.ones(3, np.float32), gaze)


def result(index: int, image: np.ndarray, occlusion: np.ndarray | None = None) -> FrameResult:
    frame = Frame(image, time.monotonic(), index / 30, index, f"frame_{index:06d}")
    return FrameResult(frame, Camera(600.0, (320.0, 240.0)), (face(index),), occlusion)


class Producer:
    """Gives an output 30 pictures a second from its own thread."""

    def __init__(self, output: WebRtcOutput, rate: float = 30.0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
        self.output, self.rate, self.size = output, rate, size
        self.paused = threading.Event()
        self.count = 0
        self.codes: dict[int, int | None] = {}  # number of a picture -> the time in it
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Producer:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(1 / self.rate):
            if not self.paused.is_set():
                image = picture(self.count, *self.size)
                self.codes[self.count] = timecode.read(image)
                self.output.write(result(self.count, image), image)
                self.count += 1


class Client:
    """A WHEP or WHIP client made of aiortc."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self.base, self.headers = base, {"Authorization": f"Bearer {token}"} if token else {}
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.track: MediaStreamTrack | None = None
        self.session: str | None = None
        self.etag = ""
        self.messages: list[object] = []
        self.peer.on("track", self._took)

    def _took(self, track: MediaStreamTrack) -> None:
        if track.kind == "video":
            self.track = track

    def listen(self, label: str, protocol: str = "") -> None:
        """Opens a data channel and keeps what comes."""
        channel = self.peer.createDataChannel(label, ordered=False, maxRetransmits=0, protocol=protocol)
        channel.on("message", lambda said: self.messages.append(json.loads(said) if isinstance(said, str) else said))

    async def offer(self, codec: str | None = None, track: MediaStreamTrack | None = None) -> str:
        if track is not None:
            self.peer.addTransceiver(track, "sendonly")
        else:
            transceiver = self.peer.addTransceiver("video", "recvonly")
            if codec:
                known = RTCRtpReceiver.getCapabilities("video").codecs
                transceiver.setCodecPreferences([one for one in known if one.name in (codec, "rtx")])
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def join(self, path: str = "/whep", codec: str | None = None, track: MediaStreamTrack | None = None) -> None:
        """Connects; the server must answer 201."""
        status, headers, body = await self.post(path, await self.offer(codec, track))
        assert status == 201, (status, body)
        self.session, self.etag = headers["Location"], headers["ETag"]
        await self.peer.setRemoteDescription(RTCSessionDescription(body, "answer"))

    async def post(self, path: str, offer: str) -> tuple[int, Mapping[str, str], str]:
        return await self.request("POST", path, offer, {"Content-Type": "application/sdp"})

    async def request(
        self, method: str, path: str, body: str | bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], str]:
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                method, self.base + path, data=body or None, headers={**self.headers, **(headers or {})}
            ) as got,
        ):
            return got.status, got.headers, await got.text()

    async def frames(self, count: int, seconds: float = 10.0) -> list[np.ndarray]:
        """The next decoded pictures, (H, W, 3) RGB."""
        assert self.track is not None
        async with asyncio.timeout(seconds):
            return [(await self.track.recv()).to_ndarray(format="rgb24") for _ in range(count)]

    async def connected(self, seconds: float = 10.0) -> None:
        await until(lambda: self.peer.connectionState == "connected", seconds)

    async def leave(self) -> None:
        if self.session:
            await self.request("DELETE", self.session)
        await self.peer.close()

    async def vanish(self) -> None:
        """Goes away as a phone out of range does: without a word."""
        for transceiver in self.peer.getTransceivers():
            for protocol in transceiver.receiver.transport.transport._connection._protocols:
                protocol.transport.sendto = lambda *_: None  # nothing leaves any more
                protocol.datagram_received = lambda *_: None  # and nothing comes
        await self.peer.close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that it signed itself, and its key, as PEM files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    pem = serialization.Encoding.PEM
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return files


class CameraTrack(VideoStreamTrack):
    """30 pictures a second of a camera whose size may change."""

    def __init__(self) -> None:
        super().__init__()
        self.size = (320, 240)
        self.count = 0

    async def recv(self):
        import av

        pts, base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(picture(self.count, *self.size), format="rgb24")
        frame.pts, frame.time_base = pts, base
        self.count += 1
        return frame


async def until(condition, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def goes_on(witness: Client, count: int = 10) -> None:
    """The witness sees the picture move."""
    times = [timecode.read(frame) for frame in await witness.frames(count)]
    assert len({time for time in times if time is not None}) >= count - 2


async def witness_of(running, token: str | None = None) -> Client:
    """A viewer of a running server who watches already."""
    witness = Client(running.base, token)
    await witness.join()
    await goes_on(witness, 3)
    return witness
