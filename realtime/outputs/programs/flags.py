"""The command line's part about other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from realtime.errors import UserError
from realtime.outputs.programs.options import PORTS, Address, ProgramOptions, parse_address


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the group to the parser."""
    group = parser.add_argument_group("what other programs take (several at once; a second face: see docs/programs.md)")
    group.add_argument(
        "--osc",
        metavar="HOST[:PORT]",
        help="VMC protocol, for VSeeFace, Warudo, VNyan and Blender add-ons; "
        f"the port is {PORTS['--osc']} unless given",
    )
    group.add_argument(
        "--ifacialmocap",
        nargs="?",
        const="127.0.0.1",
        metavar="HOST[:PORT]",
        help=f"as the iFacialMocap app sends (default: 127.0.0.1:{PORTS['--ifacialmocap']})",
    )
    group.add_argument(
        "--livelink",
        metavar="HOST[:PORT]",
        help=f"as the Live Link Face app sends, for Unreal (port: {PORTS['--livelink']} unless given)",
    )
    group.add_argument("--csv", type=Path, metavar="FILE", help="a row per face and frame: blendshapes, pose, gaze")
    group.add_argument(
        "--virtual-camera",
        nargs="?",
        const="",
        metavar="NAME",
        help="what is shown, as a camera for video calls (default: the first virtual camera found). Needs "
        "pyvirtualcam, which is under the GPL and not part of this program: pip install pyvirtualcam",
    )


def read_flags(args: argparse.Namespace, max_faces: int) -> ProgramOptions:
    """The choices of that group.

    Args:
        args: what was given.
        max_faces: how many faces are followed; each further one has a port of its own.

    Raises:
        UserError: a value that makes no sense.
    """

    def address(flag: str, text: str | None, ports: int) -> Address | None:
        if text is None:
            return None
        found = parse_address(flag, text)
        if found.port + ports - 1 > 65535:
            raise UserError(
                f"{flag} takes a port for each of {ports} faces, and there are none above 65535.",
                f"Give a smaller one, like {PORTS[flag]}.",
            )
        return found

    return ProgramOptions(
        osc=address("--osc", args.osc, max_faces),
        ifacialmocap=address("--ifacialmocap", args.ifacialmocap, max_faces),
        livelink=address("--livelink", args.livelink, 1),
        csv=args.csv,
        virtual_camera=args.virtual_camera,
    )
