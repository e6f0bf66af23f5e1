"""Glasses that are tried on, drawn into the pictures by the program itself; a hand passes in front of them.

python examples/tryon.py              the demo; the picture goes to tryon.mp4
python examples/tryon.py 0            the first camera; Ctrl-C ends it
"""

import sys

import cv2

from realtime import FaceStream

video = None
with FaceStream(sys.argv[1] if len(sys.argv) > 1 else "demo", overlays=["glasses"]) as stream:
    for result in stream:
        picture = stream.draw(result)
        video = video or cv2.VideoWriter("tryon.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 30, picture.shape[1::-1])
        video.write(picture[..., ::-1])
