"""OSC's bytes: the specification's own examples, and another program's decoder."""

import struct

import pytest

from realtime.outputs.programs import osc

# From "OSC Message Examples" in https://opensoundcontrol.stanford.edu/spec-1_0-examples.html
FREQUENCY = bytes.fromhex("2f6f7363 696c6c61 746f722f 342f6672 65717565 6e637900 2c660000 43dc0000")
FOO = bytes.fromhex(
    "2f666f6f 00000000 2c696973 66660000 000003e8 ffffffff 68656c6c 6f000000 3f9df3b6 40b5b22d".replace(" ", "")
)


def test_the_specifications_examples():
    assert osc.message("/oscillator/4/frequency", 440.0) == FREQUENCY
    assert osc.message("/foo", 1000, -1, "hello", 1.234, 5.678) == FOO


@pytest.mark.parametrize("value", ["", "a", "abc", "abcd", "Grüße", "顔"])
def test_strings_end_with_a_zero_and_fill_four_bytes(value):
    padded = osc.text(value)
    assert len(padded) % 4 == 0
    assert padded.rstrip(b"\0").decode() == value
    assert padded.endswith(b"\0")
    assert len(padded) - len(value.encode()) in {1, 2, 3, 4}


def test_a_message_without_arguments():
    assert osc.message("/VMC/Ext/Blend/Apply") == b"/VMC/Ext/Blend/Apply\0\0\0\0,\0\0\0"


def test_bundles_hold_all_messages_in_order_and_stay_small():
    messages = [osc.message("/n", number) for number in range(100)]
    bundles = list(osc.bundles(messages, 200))
    assert max(map(len, bundles)) <= 200
    assert len(bundles) > 5
    found = []
    for bundle in bundles:
        assert bundle[:16] == b"#bundle\0" + bytes(7) + b"\1"
        at = 16
        while at < len(bundle):
            (size,) = struct.unpack_from(">i", bundle, at)
            found.append(bundle[at + 4 : at + 4 + size])
            at += 4 + size
    assert found == messages


def test_nothing_makes_no_bundle():
    assert list(osc.bundles([], 200)) == []


def test_a_message_larger_than_the_limit_goes_alone():
    large, small = osc.message("/large", "x" * 300), osc.message("/small")
    assert len(list(osc.bundles([small, large, small], 100))) == 3


def test_another_programs_decoder():
    decoder = pytest.importorskip("pythonosc.osc_packet")
    (bundle,) = osc.bundles([FREQUENCY, FOO, osc.message("/顔", "Grüße")], 1000)
    read = [timed.message for timed in decoder.OscPacket(bundle).messages]
    assert [message.address for message in read] == ["/oscillator/4/frequency", "/foo", "/顔"]
    assert read[1].params[:3] == [1000, -1, "hello"]
    assert read[1].params[3:] == pytest.approx([1.234, 5.678])
    assert read[2].params == ["Grüße"]
