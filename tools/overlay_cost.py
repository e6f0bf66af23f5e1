"""What overlays cost: milliseconds of processor time a picture, on the demo, GL as it is on this machine.

python tools/overlay_cost.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engines.face_model.model import MorphableModel  # noqa: E402
from realtime.cli import limit_threads  # noqa: E402
from realtime.frames import FrameResult  # noqa: E402
from realtime.overlays.load import find_overlay, load_overlay  # noqa: E402
from realtime.render.scene import SceneRenderer  # noqa: E402
from realtime.render.views import Hands  # noqa: E402
from realtime.stream import FaceStream  # noqa: E402

FRAMES = (37, 205)  # of the demo: in plain view; a hand before the face
ROUNDS, WARM_UP = 60, 5
# (view, hands, overlays)
CASES: tuple[tuple[str, Hands | None, tuple[str, ...]], ...] = (
    ("off", None, ()),
    ("off", None, ("glasses",)),
    ("off", None, ("hat",)),
    ("off", None, ("carnival",)),
    ("off", None, ("glasses", "hat", "carnival")),
    ("shaded", None, ()),
    ("shaded", "show", ()),
    ("shaded", None, ("glasses",)),
)


def cost(scene: SceneRenderer, result: FrameResult, view: str, hands: Hands | None) -> tuple[float, float]:
    """Milliseconds a picture: of the drawing thread, of all threads."""
    for _ in range(WARM_UP):
        scene.render(result, view, hands=hands)
    thread, process = time.thread_time(), time.process_time()
    for _ in range(ROUNDS):
        scene.render(result, view, hands=hands)
    return (time.thread_time() - thread) * 1e3 / ROUNDS, (time.process_time() - process) * 1e3 / ROUNDS


def main() -> None:
    """Prints the table."""
    limit_threads()
    model = MorphableModel.load()
    results = {}
    for result in FaceStream("demo"):
        if result.frame.index in FRAMES:
            results[result.frame.index] = result
        if len(results) == len(FRAMES):
            break
    print("view    hands  overlays                  plain view: thread, all   a hand before it: thread, all")
    for view, hands, names in CASES:
        overlays = tuple(load_overlay(find_overlay(name), len(model.triangles)) for name in names)
        scene = SceneRenderer((640, 480), model, overlays=(lambda now=overlays: now) if overlays else None)
        figures = [cost(scene, results[frame], view, hands) for frame in FRAMES]
        columns = "".join(f"{thread:16.1f} {process:7.1f}" for thread, process in figures)
        print(f"{view:7} {hands or '':6} {' '.join(names):24}{columns}", flush=True)


if __name__ == "__main__":
    main()
