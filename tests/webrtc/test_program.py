"""run.py with a camera that is sent and watched by WebRTC, without a browser."""

from __future__ import annotations

import asyncio

import av
import cv2
import numpy as np
from aiortc.mediastreams import VideoStreamTrack

from .browser import running_program
from .fakes import Client, until

PROGRAM_SECONDS = 120  # until a face is found; three, where a machine is free


class FaceTrack(VideoStreamTrack):
    """A face (a photograph of NASA's) that sways, half of it covered after a while; `size` is width and height."""

    def __init__(self) -> None:
        from skimage.data import astronaut

        super().__init__()
        self.size = (640, 480)
        self._face, self._count = astronaut()[:320, 60:380], 0

    async def recv(self) -> av.VideoFrame:
        time, base = await self.next_timestamp()
        width, height = self.size
        side = min(self.size)
        left, top = (width - side) // 2, (height - side) // 2
        image = np.full((height, width, 3), 60, np.uint8)
        image[top : top + side, left : left + side] = cv2.resize(self._face, (side, side))
        if self._count > 60:
            image[top + side * 11 // 20 : top + side, left : left + side] = (200, 160, 140)
        image = np.roll(image, round(6 * np.sin(self._count / 10)), 1)
        self._count += 1
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = time, base
        return frame


def test_the_camera_changes_its_size_and_the_face_is_found_again():
    """Nothing in the loop may hold on to the first picture's size: tracking, flow, masks, painting, drawing."""

    async def check(base: str) -> None:
        camera, track = Client(base), FaceTrack()
        await camera.join("/whip", track=track)
        viewer, seen = Client(base), set()
        viewer.listen("face")
        await viewer.join()

        async def watch() -> None:
            while True:
                seen.update(frame.shape[1::-1] for frame in await viewer.frames(1, PROGRAM_SECONDS))

        watching = asyncio.ensure_future(watch())
        for size in ((640, 480), (480, 640), (320, 240)):
            track.size = size
            viewer.messages.clear()
            await until(lambda size=size: _has_face(viewer.messages, size) and size in seen, PROGRAM_SECONDS)
            await asyncio.sleep(1.5)
        watching.cancel()
        await camera.leave()
        await viewer.leave()

    with running_program("--source", "webrtc", "--view", "complete") as base:
        asyncio.run(check(base))


def _has_face(messages: list, size: tuple[int, int]) -> bool:
    return any(message["faces"] and tuple(message["size"]) == size for message in messages)
