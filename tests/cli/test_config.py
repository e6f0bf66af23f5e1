"""The command line becomes one frozen Config, and mistakes become two lines."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.config import EXAMPLES, Config, parse
from realtime.errors import UserError


def test_nothing_given():
    assert parse([]) == Config()


def test_everything_given():
    text = """
        --source clip.mp4 --size 1280x720 --loop --pace max --drop --frames 10 --seconds 2.5
        --camera-size 800x600 --camera-fps 60 --max-faces 3 --stills --device cpu --view wire --msaa 4
        --headless --record a.mp4 --export f.glb --dump d --snapshot s
    """
    config = parse(text.split())
    assert config.source.name == "clip.mp4"
    assert config.source.size == (1280, 720)
    assert (config.source.loop, config.source.realtime, config.source.drop) == (True, False, True)
    assert (config.source.frames, config.source.seconds) == (10, 2.5)
    assert (config.source.camera_size, config.source.camera_rate) == ((800, 600), 60)
    assert (config.max_faces, config.stills, config.device) == (3, True, "cpu")
    assert (config.view, config.samples) == ("wire", 4)
    output = config.output
    assert (output.headless, output.record, output.export) == (True, Path("a.mp4"), Path("f.glb"))
    assert (output.dump, output.snapshots) == (Path("d"), Path("s"))


@pytest.mark.parametrize(
    ("arguments", "realtime"),
    [
        ("", True),
        ("--headless", False),
        ("--headless --pace realtime", True),
        ("--pace max", False),
    ],
)
def test_real_time_when_somebody_watches(arguments, realtime):
    assert parse(arguments.split()).source.realtime is realtime


def test_it_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse([]).view = "wire"


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        ("--vew wire", "no option --vew", "--view"),
        ("--hedless", "no option --hedless", "--headless"),
        ("--frobnicate 3", "no option --frobnicate", "--help"),
        ("clip.mp4", "no option clip.mp4", "--source clip.mp4"),
        ("--view nice", "no view called 'nice'", "shaded"),
        ("--size 640", "'640' is not a size like 640x480", "--help"),
        ("--size 0x480", "not a size", "--help"),
        ("--max-faces 0", "not a number above 0", "--help"),
        ("--max-faces many", "not a number above 0", "--help"),
        ("--camera-fps nan", "not a number above 0", "--help"),
        ("--seconds -1", "", "--help"),
        ("--pace quick", "invalid choice", "--help"),
        ("--device tpu", "invalid choice", "--help"),
        ("--msaa 3", "invalid choice", "--help"),
        ("--record", "expected one argument", "--help"),
        ("--head", "no option --head", "--headless"),
    ],
)
def test_mistakes(arguments, message, remedy):
    with pytest.raises(UserError) as caught:
        parse(arguments.split())
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert "\n" not in caught.value.message + caught.value.remedy


def test_an_empty_source():
    with pytest.raises(UserError, match="empty"):
        parse(["--source", ""])


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for expected in ("examples:", "what to look at:", "--source demo", "--record", "shaded"):
        assert expected in text


def test_every_example_of_the_help_is_valid():
    lines = [line.strip().split("  ")[0] for line in EXAMPLES.splitlines() if "run.py" in line]
    assert len(lines) >= 5
    for line in lines:
        parse(line.split()[2:])


def test_help_loads_no_heavy_library():
    script = (
        "import sys\nfrom realtime.config import parse\n"
        "try: parse(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'numpy', 'cv2', 'mediapipe', 'moderngl', 'av'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=Path(__file__).parents[2])
