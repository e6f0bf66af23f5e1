"""Looks at offers before the WebRTC library does: what is missing, what must not reach it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

MOST_LINES = 2000
MOST_MEDIA = 8
MOST_CANDIDATES = 100  # of one session: to each of them packets are sent, whoever may live there
CANDIDATE = "a=candidate:"


class BadOffer(ValueError):
    """The text is no offer that can be answered; the message may be shown to the sender."""


@dataclass(frozen=True)
class Fragment:
    """What a trickled piece of SDP holds (RFC 8840)."""

    candidates: tuple[tuple[str, str], ...]  # (mid, candidate without "a=candidate:")
    complete: bool  # end-of-candidates
    ufrag: str | None


def checked_offer(text: str, direction: str) -> str:
    """The offer as it may reach the library.

    Candidates that are host names (mDNS) and the end of the candidates are taken out: a browser hides its addresses
    behind such names, and looking them up would take a second and a multicast. It finds us by our own anyway.

    Args:
        text: the body of the request.
        direction: what the sender wants to do with video, "recvonly" or "sendonly".

    Raises:
        BadOffer: something that an offer must have is missing.
    """
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if lines[0] != "v=0":
        raise BadOffer("this is not SDP")
    if len(lines) > MOST_LINES:
        raise BadOffer("the offer has too many lines")
    if any(len(line) < 2 or line[1] != "=" for line in lines):
        raise BadOffer("a line is not of the form x=...")
    media = [line for line in lines if line.startswith("m=")]
    if len(media) > MOST_MEDIA:
        raise BadOffer("the offer has too many media sections")
    videos = _sections(lines, "m=video ")
    if len(videos) != 1:
        raise BadOffer("the offer must have exactly one video section")
    for needed in ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"):
        if not any(line.startswith(needed) for line in lines):
            raise BadOffer(f"the offer lacks {needed[2:-1]}")
    offered = next((line[2:] for line in videos[0] if line[2:] in _DIRECTIONS), "sendrecv")
    if offered not in (direction, "sendrecv"):
        raise BadOffer(f"the video section must be {direction}")
    candidates = [line for line in lines if line.startswith(CANDIDATE)]
    if len(candidates) > MOST_CANDIDATES:
        raise BadOffer("the offer has too many candidates")
    left_out = {line for line in candidates if not _has_address(line)} | {"a=end-of-candidates"}
    kept = [line for line in lines if line not in left_out]
    return "\r\n".join(kept) + "\r\n"


def parse_fragment(text: str) -> Fragment:
    """Reads application/trickle-ice-sdpfrag.

    Raises:
        BadOffer: it is none.
    """
    mid, candidates, complete, ufrag = "0", [], False, None
    for line in text.replace("\r\n", "\n").strip("\n").split("\n"):
        if len(line) < 2 or line[1] != "=":
            raise BadOffer("a line is not of the form x=...")
        if line.startswith("a=mid:"):
            mid = line.removeprefix("a=mid:")
        elif line.startswith(CANDIDATE):
            if _has_address(line):
                candidates.append((mid, line.removeprefix(CANDIDATE)))
        elif line == "a=end-of-candidates":
            complete = True
        elif line.startswith("a=ice-ufrag:"):
            ufrag = line.removeprefix("a=ice-ufrag:")
    return Fragment(tuple(candidates), complete, ufrag)


def ice_ufrag(text: str) -> str | None:
    """The first ice-ufrag of a description."""
    match = re.search(r"^a=ice-ufrag:(\S+)", text, re.MULTILINE)
    return match[1] if match else None


def extension_id(text: str, uri: str) -> int | None:
    """The number by which an offer's video section knows an RTP header extension (RFC 8285); None: it does not."""
    for section in _sections(text.splitlines(), "m=video "):
        for line in section:
            match = re.fullmatch(r"a=extmap:(\d{1,5})(?:/\w+)? (\S+).*", line)
            if match and match[2] == uri:
                return int(match[1])
    return None


def _has_address(line: str) -> bool:
    """Whether a candidate (RFC 8839) names an address. A host name must not get further: sending to it looks it up.

    Raises:
        BadOffer: the line cannot be read.
    """
    words = line.split()
    if len(words) < 8 or not words[5].isdecimal() or not 0 < int(words[5]) < 65536:
        raise BadOffer("a candidate cannot be read")
    try:
        ipaddress.ip_address(words[4])
    except ValueError:
        return False
    return True


_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


def _sections(lines: list[str], start: str) -> list[list[str]]:
    """The media sections whose first line begins with `start`."""
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        if sections:
            sections[-1].append(line)
    return [section for section in sections if section[0].startswith(start)]
