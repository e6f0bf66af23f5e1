"""The command line's part about watching, sending and publishing."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from realtime.errors import UserError
from realtime.outputs.webrtc.options import (
    DEFAULT_BITRATE,
    DEFAULT_HOST,
    DEFAULT_PORT,
    Limits,
    VideoOptions,
    WebOptions,
    publish_options,
    serve_options,
)

SOURCE = "webrtc"  # what --source is called when a browser sends its camera
LOWEST_BITRATE, HIGHEST_BITRATE = 100_000, 50_000_000


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the group to the parser."""
    group = parser.add_argument_group("watching in a browser (WebRTC)")
    default = f"{DEFAULT_HOST}:{DEFAULT_PORT}"
    group.add_argument(
        "--serve",
        nargs="?",
        const=default,
        metavar="HOST:PORT",
        help=f"show it at this address (default: {default}; 0.0.0.0:8080 for other machines, with a token)",
    )
    group.add_argument("--token", metavar="WORD", help="who watches must know it (default: made and printed)")
    group.add_argument("--tls-cert", type=Path, metavar="FILE.pem", help="serve by https with this certificate")
    group.add_argument("--tls-key", type=Path, metavar="FILE.pem", help="and this key")
    group.add_argument(
        "--viewers", type=_count, default=Limits.viewers, metavar="N", help=f"at most (default: {Limits.viewers})"
    )
    group.add_argument("--publish", metavar="URL", help="send it to a media server by WHIP")
    group.add_argument("--publish-token", metavar="WORD", help="that server's token")
    group.add_argument(
        "--bitrate", type=_bitrate, default=DEFAULT_BITRATE, metavar="2M", help="per viewer, at most (default: 2M)"
    )
    group.add_argument("--serve-size", type=_size, metavar="WxH", help="scale down what is sent into this size")
    group.add_argument(
        "--timecode", action="store_true", help="write the time of capture into what is sent, as squares"
    )


def read_flags(args: argparse.Namespace) -> WebOptions:
    """The choices of that group.

    Raises:
        UserError: a value that makes no sense.
    """
    address = args.serve if args.serve is not None else f"{DEFAULT_HOST}:{DEFAULT_PORT}"
    serves = args.serve is not None or args.source == SOURCE  # a camera needs somewhere to be sent to
    if not serves and (args.token or args.tls_cert or args.tls_key):
        raise UserError("--token and --tls-... are for the server, and none is asked for.", "Add --serve.")
    if args.publish_token and not args.publish:
        raise UserError("--publish-token is for --publish, which is not given.", "Add --publish URL.")
    serve = None
    if serves:
        serve = serve_options(
            address, token=args.token, certificate=args.tls_cert, key=args.tls_key, viewers=args.viewers
        )
    publish = publish_options(args.publish, args.publish_token) if args.publish is not None else None
    return WebOptions(serve, publish, VideoOptions(args.bitrate, args.serve_size, args.timecode))


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def _bitrate(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)", text)
    rate = round(float(match[1]) * {"": 1, "k": 1000, "M": 1_000_000}[match[2]]) if match else 0
    if not LOWEST_BITRATE <= rate <= HIGHEST_BITRATE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a bit rate from 100k to 50M")
    return rate


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,5})[xX×](\d{2,5})", text)
    if not match or min(int(match[1]), int(match[2])) < 16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 640x480")
    return int(match[1]), int(match[2])
