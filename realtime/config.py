"""The command line, read once into frozen dataclasses; nothing deeper down reads flags or the environment."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from realtime.errors import UserError
from realtime.outputs.programs import flags as program_flags
from realtime.outputs.programs.options import ProgramOptions
from realtime.outputs.webrtc.flags import add_flags, read_flags
from realtime.outputs.webrtc.options import WebOptions
from realtime.render.views import HANDS, VIEWS, Hands, find_view

PROGRAM = "python run.py"
EXAMPLES = """\
examples:
  python run.py                                        the default camera in a window
  python run.py --source demo                          no camera at hand? a moving photograph
  python run.py --source clip.mp4 --view texture --loop
  python run.py --source clip.mp4 --headless --record out.mp4
  python run.py --source portrait.jpg --headless --export face.glb
  python run.py --source photos/ --stills --headless --dump out/
  python run.py --source rtsp://camera.local/live --size 1280x720
  python run.py --serve --headless                     watch in a browser
  python run.py --source webrtc --headless             a browser's own camera
  python run.py --overlay glasses                      try glasses on
  python run.py --osc 127.0.0.1:39539 --csv face.csv   move an avatar, keep the numbers
"""


@dataclass(frozen=True)
class SourceConfig:
    """Where frames come from, and how fast."""

    name: str = "0"  # camera number or name, path, URL or `demo`
    realtime: bool = True  # files: at their own pace; else as fast as possible
    size: tuple[int, int] | None = None  # width, height that every picture is fitted into
    loop: bool = False
    drop: bool = False  # files: skip frames rather than fall behind
    camera_size: tuple[int, int] = (640, 480)
    camera_rate: float = 30.0
    frames: int | None = None  # stop after so many
    seconds: float | None = None  # stop at this point of the source's time line


@dataclass(frozen=True)
class OutputConfig:
    """What becomes of the result."""

    headless: bool = False
    record: Path | None = None
    export: Path | None = None
    dump: Path | None = None
    snapshots: Path = Path()  # folder


@dataclass(frozen=True)
class Config:
    """Everything the user chose."""

    source: SourceConfig = SourceConfig()
    output: OutputConfig = OutputConfig()
    web: WebOptions = field(default_factory=WebOptions)
    programs: ProgramOptions = field(default_factory=ProgramOptions)
    max_faces: int = 1
    stills: bool = False  # every picture is of somebody else: no smoothing, no memory
    device: str = "auto"
    person: Path | None = None  # memory of a person: a file to load and save, or a photograph
    keep_glasses: bool = False  # eyeglasses are shown as they are, not painted away
    view: str = "shaded"
    overlays: tuple[str, ...] = ()  # .toml files, or names of shipped ones
    hands: Hands | None = None  # what becomes of a real hand before the face; None: as the view has it
    samples: int = 0  # anti-aliasing, samples per pixel


class _Parser(argparse.ArgumentParser):
    """Mistakes become `UserError`s, with the nearest flag that exists."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        remedy = f"See: {self.prog} --help"
        if unknown:
            message = f"there is no option {unknown[1]}"
            options = self._option_string_actions
            near = [option for option in options if len(unknown[1]) > 3 and option.startswith(unknown[1])]
            near = near or difflib.get_close_matches(unknown[1], options, 1, cutoff=0.7)
            if not unknown[1].startswith("-"):
                remedy = f"Did you mean --source {unknown[1]}?"
            elif near:
                remedy = f"Did you mean {near[0]}?"
        raise UserError(f"{message[0].upper()}{message[1:]}.", remedy)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text)
    if not match or min(int(match[1]), int(match[2])) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 640x480")
    return int(match[1]), int(match[2])


def _positive(kind: type) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < 1e9:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
        return value

    return read


def _parser(program: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program,
        description="Fits a 3D face to every face in a video and draws it, in real time.",
        epilog=EXAMPLES.replace(PROGRAM, program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    source = parser.add_argument_group("what to look at")
    source.add_argument(
        "--source",
        default="0",
        metavar="WHAT",
        help="camera number or name, video, folder of pictures, photo, URL (http, rtsp), webrtc or demo (default: 0)",
    )
    source.add_argument("--size", type=_size, metavar="WxH", help="fit pictures into this size; pads, never stretches")
    source.add_argument(
        "--camera-size", type=_size, default=(640, 480), metavar="WxH", help="asked of a camera (default: 640x480)"
    )
    source.add_argument(
        "--camera-fps", type=_positive(float), default=30.0, metavar="N", help="asked of a camera (default: 30)"
    )
    source.add_argument("--loop", action="store_true", help="begin a file again at its end, for ever")
    source.add_argument("--frames", type=_positive(int), metavar="N", help="stop after N frames")
    source.add_argument("--seconds", type=_positive(float), metavar="S", help="stop after S seconds of the source")

    speed = parser.add_argument_group("how fast")
    speed.add_argument(
        "--pace",
        choices=("realtime", "max"),
        help="files: at their own pace, or as fast as possible (default: realtime when watched, else max)",
    )
    speed.add_argument("--drop", action="store_true", help="files: skip frames rather than fall behind")
    speed.add_argument(
        "--device", choices=("auto", "cpu", "gpu"), default="auto", help="where the networks run (default: auto)"
    )

    faces = parser.add_argument_group("faces")
    faces.add_argument(
        "--max-faces", type=_positive(int), default=1, metavar="N", help="follow up to N faces (default: 1)"
    )
    faces.add_argument("--stills", action="store_true", help="every picture is somebody else: no smoothing")

    faces.add_argument(
        "--person",
        type=Path,
        metavar="FILE",
        help="know a face beforehand: a .npz file is read, if it exists, and saved at the end; from a photograph "
        "(photo.jpg) the person is learned and nothing is saved. Without it nothing is ever stored",
    )

    look = parser.add_argument_group("what to show")
    look.add_argument(
        "--view",
        metavar="NAME",
        help=f"one of {', '.join(VIEWS)} (default: shaded; with an overlay: off, the frame itself)",
    )
    look.add_argument(
        "--overlay",
        action="append",
        default=[],
        metavar="FILE",
        help="lay props, paint or light over the faces: a .toml file (see docs/overlays.md), read anew whenever it "
        "is saved; or glasses, hat, carnival. May be given several times",
    )
    look.add_argument(
        "--hands",
        choices=tuple(HANDS),
        help="a real hand before a face: show it in front of all that is drawn, half transparent, or remove it "
        "(default: as suits the view; key o)",
    )
    look.add_argument(
        "--keep", choices=("glasses",), help="eyeglasses belong to the face: shown and remembered with it"
    )
    look.add_argument(
        "--msaa", type=int, choices=(0, 2, 4, 8), default=0, help="smooth edges, samples per pixel (default: 0)"
    )

    output = parser.add_argument_group("what to keep")
    output.add_argument("--headless", action="store_true", help="no window; ends with the source")
    output.add_argument("--record", type=Path, metavar="OUT.mp4", help="record what is shown")
    output.add_argument(
        "--export", type=Path, metavar="FACE.glb", help="the clearest face: .glb (with blendshapes) or .obj"
    )
    output.add_argument("--dump", type=Path, metavar="DIR", help="results as numbers: mesh.npz, one .npz per frame")
    output.add_argument(
        "--snapshot",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where the window's key s saves (default: here)",
    )
    program_flags.add_flags(parser)
    add_flags(parser)
    return parser


def parse(arguments: Sequence[str], program: str = PROGRAM) -> Config:
    """The user's choices.

    Args:
        arguments: what follows the program's name.
        program: what the user types to start it, for `--help`.

    Raises:
        UserError: an option that does not exist, or a value that makes no sense.
        SystemExit: `--help`.
    """
    args = _parser(program).parse_args(arguments)
    view = args.view or ("off" if args.overlay else "shaded")
    find_view(view)
    if args.person and args.stills:
        raise UserError("--person and --stills contradict each other.", "Leave one out: stills are all somebody else.")
    if args.source == "":
        raise UserError("--source is empty.", "Name a camera, a file, a URL or demo.")
    headless = args.headless
    web = read_flags(args)
    programs = program_flags.read_flags(args, args.max_faces)
    watched = not headless or web.serve or web.publish or programs.live
    return Config(
        source=SourceConfig(
            name=args.source,
            realtime=args.pace == "realtime" if args.pace else bool(watched),
            size=args.size,
            loop=args.loop,
            drop=args.drop,
            camera_size=args.camera_size,
            camera_rate=args.camera_fps,
            frames=args.frames,
            seconds=args.seconds,
        ),
        output=OutputConfig(
            headless=headless,
            record=args.record,
            export=args.export,
            dump=args.dump,
            snapshots=args.snapshot,
        ),
        web=web,
        programs=programs,
        max_faces=args.max_faces,
        stills=args.stills,
        device=args.device,
        person=args.person,
        keep_glasses=args.keep == "glasses",
        view=view,
        overlays=tuple(args.overlay),
        hands=args.hands,
        samples=args.msaa,
    )
