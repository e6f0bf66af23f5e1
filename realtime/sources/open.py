"""Finds out which kind of source a word on the command line means."""

from __future__ import annotations

from pathlib import Path

from realtime.config import SourceConfig
from realtime.errors import UserError
from realtime.sources.base import Source


def open_source(config: SourceConfig, stills: bool = False) -> Source:
    """Opens what `config.name` names: a camera, a file, a folder, a URL, `webrtc` or `demo`.

    Modules are imported when they are needed: each brings its own heavy library.

    Raises:
        UserError: there is no such thing, or it cannot be read.
    """
    name = config.name
    if name == "demo":
        from realtime.sources.demo import Demo

        return Demo()
    if name == "webrtc":
        from realtime.sources.webrtc import WebRtcSource

        return WebRtcSource()
    if "://" in name:
        from realtime.sources.video import Video

        return Video(name)
    from realtime.sources.webcam import Webcam, camera_names, find_camera

    path = Path(name).expanduser()
    camera = name.isdecimal() or name.startswith("/dev/video")
    if not camera and path.exists():
        from realtime.sources.pictures import SUFFIXES, Pictures

        if path.is_dir() or path.suffix.lower() in SUFFIXES:
            return Pictures(path, slides=stills)
        from realtime.sources.video import Video

        return Video(str(path))
    if camera or find_camera(name, camera_names()) is not None:
        return Webcam(name, config.camera_size, config.camera_rate)
    raise UserError(
        f"There is no file, folder or camera called {name}.",
        "Check the spelling; --source takes a camera's number or name, a path, a URL, webrtc or demo.",
    )
