from __future__ import annotations

import pytest

from realtime.outputs.webrtc.sdp import (
    MOST_CANDIDATES,
    BadOffer,
    checked_offer,
    extension_id,
    ice_ufrag,
    parse_fragment,
)

OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 0f0f0f0f-1111-4222-8333-444444444444.local 50000 typ host generation 0
a=candidate:2 1 udp 2113937151 192.0.2.7 50001 typ host generation 0
a=end-of-candidates
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 00:11
a=setup:actpass
a=mid:0
a=recvonly
a=rtpmap:96 VP8/90000
"""


def test_hidden_names_and_the_end_of_candidates_are_taken_out():
    offer = checked_offer(OFFER, "recvonly")
    assert ".local" not in offer
    assert "end-of-candidates" not in offer
    assert "192.0.2.7" in offer
    for name in ("x.LOCAL", "x.local.", "example.org"):  # looking up any name would hold up everybody
        assert name not in checked_offer(OFFER.replace("192.0.2.7", f"{name}\t"), "recvonly")
    assert offer.count("\r\n") == offer.count("\n") == OFFER.count("\n") - 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: "", "not SDP"),
        (lambda s: "<html>", "not SDP"),
        (lambda s: s + "rubbish\n", "form"),
        (lambda s: s.replace("a=ice-pwd", "a=nothing"), "ice-pwd"),
        (lambda s: s.replace("a=fingerprint", "a=nothing"), "fingerprint"),
        (lambda s: s.replace("a=recvonly", "a=sendonly"), "recvonly"),
        (lambda s: s.replace("m=video", "m=audio"), "one video"),
        (lambda s: s + s[s.index("m=") :], "one video"),
        (lambda s: s + "m=audio 9 RTP/AVP 0\n" * 9, "media sections"),
        (lambda s: s + "a=x\n" * 3000, "lines"),
        (lambda s: s[: len(s) // 2], "lacks"),
        (lambda s: s.replace(" 50001 ", " 99999 "), "candidate"),
        (lambda s: s.replace(" 50001 ", " 0 "), "candidate"),
        (lambda s: s.replace(" 192.0.2.7 50001 typ", ""), "candidate"),
        (lambda s: s + "a=candidate:3 1 udp 1 192.0.2.8 50001 typ host\n" * MOST_CANDIDATES, "too many candidates"),
    ],
)
def test_offers_that_cannot_be_answered(change, reason):
    with pytest.raises(BadOffer, match=reason):
        checked_offer(change(OFFER), "recvonly")


def test_sendrecv_is_taken_for_both():
    offer = OFFER.replace("a=recvonly", "a=sendrecv")
    assert checked_offer(offer, "recvonly")
    assert checked_offer(offer, "sendonly")


def test_fragments():
    fragment = parse_fragment(
        "a=ice-ufrag:abcd\r\nm=video 9 RTP/AVP 0\r\na=mid:v\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
        "a=candidate:2 1 udp 1 some.local 9 typ host\r\na=end-of-candidates\r\n"
    )
    assert fragment.candidates == (("v", "1 1 udp 1 192.0.2.1 9 typ host"),)
    assert fragment.complete
    assert fragment.ufrag == "abcd"
    for text in ("", "a=candidate:1 1 udp 1 192.0.2.1 99999 typ host", "a=candidate:1 1 udp 1 192.0.2.1 x typ host"):
        with pytest.raises(BadOffer):
            parse_fragment(text)


def test_ufrag():
    assert ice_ufrag(OFFER) == "abcd"
    assert ice_ufrag("v=0") is None


def test_header_extensions_are_looked_up_in_the_video_section():
    audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=extmap:3 urn:x\n"
    offer = OFFER.replace("m=video", audio + "m=video") + "a=extmap:7/recvonly urn:y some\na=extmap:12 urn:z\n"
    assert extension_id(offer, "urn:x") is None
    assert extension_id(offer, "urn:y") == 7
    assert extension_id(offer.replace("\n", "\r\n"), "urn:z") == 12
    assert extension_id("v=0", "urn:z") is None
