"""The command line's part about other programs."""

import argparse
from contextlib import ExitStack
from pathlib import Path

import pytest
from program_faces import NAMES, make_face, make_result, neighbours

from realtime.config import parse
from realtime.errors import UserError
from realtime.outputs.programs.flags import add_flags
from realtime.outputs.programs.open import open_programs
from realtime.outputs.programs.options import Address, ProgramOptions, parse_address


def asked(text):
    return parse(text.split()).programs


def test_all_at_once():
    addresses = "--osc 10.0.0.2:5000 --ifacialmocap avatar.local --livelink [::1]:12000"
    assert asked(f"{addresses} --csv a.csv --virtual-camera cam") == ProgramOptions(
        Address("10.0.0.2", 5000), Address("avatar.local", 49983), Address("::1", 12000), Path("a.csv"), "cam"
    )


def test_the_ports_of_custom():
    programs = asked("--osc 127.0.0.1 --ifacialmocap --livelink unreal --virtual-camera")
    assert (programs.osc.port, programs.ifacialmocap.port, programs.livelink.port) == (39539, 49983, 11111)
    assert programs.ifacialmocap.host == "127.0.0.1"
    assert programs.virtual_camera == ""


@pytest.mark.parametrize("text", ["", ":39539", "host:", "host:port", "host:0", "host:65536", "a b:1", "::1", "h:1:2"])
def test_what_is_no_address(text):
    with pytest.raises(UserError) as mistake:
        parse_address("--osc", text)
    assert "--osc 127.0.0.1:39539" in mistake.value.remedy


def test_an_address_as_text():
    assert str(Address("::1", 5)) == "[::1]:5"
    assert str(Address("host", 5)) == "host:5"


def test_no_ports_left_for_all_faces():
    assert asked("--osc h:65534 --max-faces 2")
    with pytest.raises(UserError, match="65535"):
        asked("--osc h:65534 --max-faces 3")
    assert asked("--livelink h:65535 --max-faces 3")  # one port for all


@pytest.mark.parametrize(
    ("arguments", "realtime"),
    [
        ("--osc h", True),
        ("--ifacialmocap", True),
        ("--livelink h", True),
        ("--virtual-camera", True),
        ("--csv f", False),
    ],
)
def test_a_file_is_played_at_its_own_pace_for_those_who_look_on(arguments, realtime):
    assert parse(f"--headless {arguments}".split()).source.realtime is realtime


def test_the_help_names_the_licence():
    parser = argparse.ArgumentParser()
    add_flags(parser)
    assert "GPL" in parser.format_help()


def test_several_at_once_for_several_faces(tmp_path):
    result = make_result(make_face(id_=1), make_face(id_=2))
    with neighbours(2) as osc, neighbours(2) as text, neighbours(1) as unreal, ExitStack() as stack:
        options = ProgramOptions(
            *(Address("127.0.0.1", listeners[0].port) for listeners in (osc, text, unreal)), tmp_path / "f.csv"
        )
        for sink in open_programs(options, NAMES, 2, (64, 48), stack):
            sink.write(result, None)
        assert [len(listener.rest()) > 0 for listener in (*osc, *text)] == [True] * 4
        assert len(unreal[0].rest()) == 2
    assert len((tmp_path / "f.csv").read_text().splitlines()) == 3
