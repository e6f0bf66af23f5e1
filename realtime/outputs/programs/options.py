"""What the user wants sent to other programs, and where to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import UserError

PORTS = {"--osc": 39539, "--ifacialmocap": 49983, "--livelink": 11111}  # where their receivers listen by custom


@dataclass(frozen=True)
class Address:
    """Where datagrams go."""

    host: str  # a name or a number; IPv6 without its brackets
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class ProgramOptions:
    """Which programs take the results; None: not asked for."""

    osc: Address | None = None
    ifacialmocap: Address | None = None
    livelink: Address | None = None
    csv: Path | None = None
    virtual_camera: str | None = None  # a device's name; empty: the first one there is

    @property
    def live(self) -> bool:
        """Whether somebody looks on, so that a file should be played at its own pace."""
        return bool(self.osc or self.ifacialmocap or self.livelink) or self.virtual_camera is not None


def parse_address(flag: str, text: str) -> Address:
    """HOST, HOST:PORT or [IPV6]:PORT; the port is the protocol's own unless it is given.

    Args:
        flag: the option that it was given with.
        text: what was given.

    Raises:
        UserError: it is none of these.
    """
    remedy = f"Write it like {flag} 127.0.0.1:{PORTS[flag]}."
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/\[\]]+))(?::(\d{1,5}))?", text)
    if not match:
        raise UserError(f"{text!r} is not an address to send to.", remedy)
    port = int(match[3]) if match[3] else PORTS[flag]
    if not 0 < port < 65536:
        raise UserError(f"{port} is not a port.", remedy)
    return Address(match[1] or match[2], port)
