"""What the user chose about serving and publishing, checked before anything starts."""

from __future__ import annotations

import ipaddress
import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from realtime.errors import UserError

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8080
SHORTEST_TOKEN = 16  # characters; what is generated has 32
DEFAULT_BITRATE = 2_000_000  # bits per second, for 640x480 at 30 frames a second


@dataclass(frozen=True)
class Limits:
    """What one server puts up with. Seconds, bytes and counts."""

    viewers: int = 16
    body: int = 64 * 1024
    body_seconds: float = 5.0
    header_seconds: float = 10.0
    connections: int = 256  # open at once
    offers_per_second: float = 5.0  # from one address
    offers_at_once: int = 20
    connect_seconds: float = 12.0  # from the answer to a running connection
    silence_seconds: float = 12.0  # a peer that is not heard for so long is gone
    takeover_seconds: float = 3.0  # a publisher that is not heard for so long may be replaced


@dataclass(frozen=True)
class VideoOptions:
    """How the picture is encoded."""

    bitrate: int = DEFAULT_BITRATE  # bits per second: the most that is sent to one viewer
    size: tuple[int, int] | None = None  # width and height it is scaled down into; None: as it comes
    timecode: bool = False  # write the time of capture into the picture (timecode.py), to measure delay


@dataclass(frozen=True)
class ServeOptions:
    """Where the server listens and who may use it."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT  # 0: any free one
    token: str | None = field(default=None, repr=False)  # None: everybody who reaches the server
    certificate: Path | None = None
    key: Path | None = None
    limits: Limits = Limits()

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


@dataclass(frozen=True)
class PublishOptions:
    """Where the stream is sent by WHIP."""

    url: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class WebOptions:
    """All of it."""

    serve: ServeOptions | None = None
    publish: PublishOptions | None = None
    video: VideoOptions = VideoOptions()


def is_loopback(host: str) -> bool:
    """Whether a host name or address stands for this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `HOST`, `:PORT`, `PORT` or `[IPv6]:PORT`; what is missing is the default.

    Raises:
        UserError: it is none of these.
    """
    remedy = "Name it like 127.0.0.1:8080, 0.0.0.0:8443 or [::1]:8080."
    if text.isdecimal():
        host, port = "", text
    else:
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname or "", str(parts.port if parts.port is not None else "")
        except ValueError as error:
            raise UserError(f"{text!r} is not an address to listen at.", remedy) from error
        if parts.path or parts.query or parts.fragment or "@" in text:
            raise UserError(f"{text!r} is not an address to listen at.", remedy)
    number = int(port) if port else DEFAULT_PORT
    if number > 65535:
        raise UserError(f"{port} is not a port.", remedy)
    return host or DEFAULT_HOST, number


def serve_options(
    address: str,
    *,
    token: str | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    viewers: int = Limits.viewers,
) -> ServeOptions:
    """The server's options. An address that others can reach always gets a token: the user's or a new one.

    Raises:
        UserError: an address, token or certificate that cannot be used.
    """
    host, port = parse_address(address)
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise UserError(
            f"The token is shorter than {SHORTEST_TOKEN} characters.",
            "Leave --token away: a good one is made and printed.",
        )
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise UserError("The token holds spaces or unusual characters.", "Use letters, digits, - and _.")
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    if (certificate is None) != (key is None):
        raise UserError("--tls-cert and --tls-key belong together.", "Give both, or neither.")
    options = ServeOptions(host, port, token, certificate, key, Limits(viewers=viewers))
    tls_context(options)  # now, so that a mistake is told before anything else starts
    return options


def tls_context(options: ServeOptions) -> ssl.SSLContext | None:
    """The TLS set-up; None where the user wants none.

    Raises:
        UserError: the certificate or its key cannot be used.
    """
    if options.certificate is None or options.key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for path in (options.certificate, options.key):
        if not path.is_file():
            raise UserError(f"There is no file {path}.", "Name the certificate and its key as PEM files.")
    try:
        context.load_cert_chain(options.certificate, options.key, password="")  # encrypted keys: an error, no question
    except (ssl.SSLError, OSError, ValueError) as error:
        raise UserError(
            "The TLS certificate and key cannot be used.",
            "Both must be PEM files, belong together, and the key must have no password.",
        ) from error
    return context


def publish_options(url: str, token: str | None = None) -> PublishOptions:
    """The publisher's options.

    Raises:
        UserError: not an http(s) URL.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise UserError("--publish needs the URL of a WHIP endpoint.", "For MediaMTX: http://HOST:8889/NAME/whip.")
    if "@" in parts.netloc:
        raise UserError("--publish takes no password inside the URL.", "Give it with --publish-token.")
    return PublishOptions(url, token)
