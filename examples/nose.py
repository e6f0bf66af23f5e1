"""A clown's nose that stays on, filled where the nose is seen and a ring where something covers it.

python examples/nose.py              the demo; the picture goes to nose.mp4
python examples/nose.py 0            the first camera; Ctrl-C ends it
"""

import sys

import cv2

from realtime import FaceStream

NOSE = 1  # MediaPipe's landmark of its tip

video = None
for result in FaceStream(sys.argv[1] if len(sys.argv) > 1 else "demo"):
    picture = result.frame.image.copy()
    for face in result.faces:
        x, y = face.landmarks[NOSE].round().astype(int).tolist()
        hidden = result.occlusion is not None and result.occlusion[y : y + 1, x : x + 1].any()
        cv2.circle(picture, (x, y), 14, (220, 30, 30), 3 if hidden else cv2.FILLED, cv2.LINE_AA)
    video = video or cv2.VideoWriter("nose.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 30, picture.shape[1::-1])
    video.write(picture[..., ::-1])
