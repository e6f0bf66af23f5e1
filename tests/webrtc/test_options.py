from __future__ import annotations

import pytest

from realtime.errors import UserError
from realtime.outputs.webrtc.options import is_loopback, parse_address, publish_options, serve_options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:9", ("0.0.0.0", 9)),
        ("9000", ("127.0.0.1", 9000)),
        (":9000", ("127.0.0.1", 9000)),
        ("localhost", ("localhost", 8080)),
        ("[::1]:7", ("::1", 7)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
    ],
)
def test_addresses(text, expected):
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["127.0.0.1:99999", "host:port", "a:b:c", "http://host", "me@host", "70000"])
def test_addresses_that_are_none(text):
    with pytest.raises(UserError) as caught:
        parse_address(text)
    assert "\n" not in caught.value.message
    assert "127.0.0.1:8080" in caught.value.remedy


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("::1", True),
                           ("0.0.0.0", False), ("192.168.1.2", False), ("example.org", False)]
)  # fmt: skip
def test_loopback(host, expected):
    assert is_loopback(host) is expected


def test_only_the_loopback_goes_without_a_token():
    assert serve_options("127.0.0.1:0").token is None
    first, second = serve_options("0.0.0.0:0").token, serve_options("0.0.0.0:0").token
    assert len(first) >= 32
    assert first != second
    assert serve_options("127.0.0.1:0", token="a-token-of-some-length").token


def test_tokens_are_not_shown():
    assert "a-token-of-some-length" not in repr(serve_options("127.0.0.1:0", token="a-token-of-some-length"))
    assert "secret" not in repr(publish_options("http://host/whip", "secret"))


@pytest.mark.parametrize("token", ["short", "", "spaces in a long token", "ünicode-token-of-length"])
def test_poor_tokens_are_refused(token):
    with pytest.raises(UserError):
        serve_options("127.0.0.1:0", token=token)


def test_certificates(tmp_path):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    with pytest.raises(UserError, match="belong together"):
        serve_options("0.0.0.0:0", certificate=rubbish)
    with pytest.raises(UserError, match="no file"):
        serve_options("0.0.0.0:0", certificate=rubbish, key=tmp_path / "none.pem")
    with pytest.raises(UserError, match="cannot be used"):
        serve_options("0.0.0.0:0", certificate=rubbish, key=rubbish)


@pytest.mark.parametrize("url", ["", "host/whip", "ftp://host/whip", "http:///whip", "http://me:secret@host/whip",
                                 "http://host:port/"])  # fmt: skip
def test_publish_urls_that_are_none(url):
    with pytest.raises(UserError) as caught:
        publish_options(url)
    assert "secret" not in str(caught.value)
