"""Overlay files: what they may say, and what is told where they are wrong."""

import os
import re

import cv2
import numpy as np
import pytest
from tiny_gltf import bomb, png

from realtime.errors import UserError
from realtime.overlays.load import SHIPPED, find_overlay, load_overlay, rotation, shipped_overlays
from realtime.overlays.overlay import HeadAnchor, LandmarkAnchor, Span, TriangleAnchor
from realtime.overlays.pictures import decode_picture, picture_size

TRIANGLES = 100


def test_everything_at_once(overlay):
    found = load_overlay(
        overlay("""
[[prop]]
model = "quad.gltf"
anchor = { landmarks = [33, 263] }
span = { landmarks = [127, 356], mm = 140 }
position = [1, 2, 3]
rotation = [0, 90, 0]
scale = 0.5

[[prop]]
model = "quad.gltf"
anchor = { triangle = 99, barycentric = [0.5, 0.25, 0.25] }

[[prop]]
model = "quad.gltf"

[[paint]]
image = "red.png"
blend = "multiply"
opacity = 0.5

[light]
estimated = 0.25
environment = "red.png"
strength = 2
"""),
        TRIANGLES,
    )
    first, second, third = found.props
    assert first.anchor == LandmarkAnchor((33, 263))
    assert first.span == Span((127, 356), 140.0)
    corner = np.array([-1000, -1000, 0])
    np.testing.assert_allclose(first.pieces[0].positions[0], 0.5 * np.array([0, -1000, 1000]) + [1, 2, 3], atol=1e-3)
    np.testing.assert_allclose(first.pieces[0].normals[0], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(third.pieces[0].positions[0], corner)
    assert second.anchor == TriangleAnchor(99, (0.5, 0.25, 0.25))
    assert third.anchor == HeadAnchor()
    assert (found.paints[0].blend, found.paints[0].opacity) == ("multiply", 0.5)
    assert tuple(found.paints[0].image[0, 0]) == (255, 0, 0, 255)
    assert found.light.estimated == 0.25
    assert found.light.added.shape == (27,)
    assert {path.name for path in found.files} == {"o.toml", "quad.gltf", "red.png"}


def test_rotations_follow_one_another_x_first():
    np.testing.assert_allclose(rotation((90, 0, 0)) @ [0, 1, 0], [0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(rotation((90, 90, 0)) @ [0, 1, 0], [1, 0, 0], atol=1e-9)


PROP, PAINT = '[[prop]]\nmodel = "quad.gltf"\n', '[[paint]]\nimage = "red.png"\n'


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        ("", "empty", "prop"),
        ("[[prop]\n", "TOML", "line"),
        ("x = " + "[" * 5000, "TOML", "line"),
        ("[[prop]]\n", "model is missing", "model"),
        (PROP + "colour = 3\n", "'colour'", "model"),
        (PROP + "scal = 3\n", "'scal'", "scale"),
        ("[[props]]\n" + PROP, "'props'", "prop"),
        ("[prop]\n", "must be written", "docs/overlays.md"),
        (PROP + "scale = nan\n", "scale", "docs"),
        (PROP + "scale = true\n", "scale", "docs"),
        (PROP + f"scale = {10**400}\n", "scale", "docs"),
        (PROP + "position = [1, 2]\n", "3 numbers", "position|0"),
        (PROP + "position = [1, 2, inf]\n", "position", "docs"),
        (PROP + "anchor = 168\n", "table", "docs"),
        (PROP + "anchor = { }\n", "neither", "head"),
        (PROP + "anchor = { landmark = [1] }\n", "'landmark'", "landmarks"),
        (PROP + "anchor = { landmarks = [478] }\n", "landmarks", "477"),
        (PROP + "anchor = { landmarks = [] }\n", "landmarks", "477"),
        (PROP + "anchor = { landmarks = [-1] }\n", "landmarks", "477"),
        (PROP + "anchor = { landmarks = [1], triangle = 2 }\n", "a triangle", "one of the two"),
        (PROP + "anchor = { triangle = 100 }\n", "triangle", "99"),
        (PROP + "anchor = { triangle = 1, barycentric = [1, 1, 1] }\n", "add up", "middle"),
        (PROP + "span = { landmarks = [1, 1], mm = 3 }\n", "two landmarks", "span|landmarks"),
        (PROP + "span = { landmarks = [1, 2] }\n", "two landmarks", "mm"),
        ('[[prop]]\nmodel = "gone.glb"\n', "'gone.glb' is missing", "gone.glb"),
        ('[[prop]]\nmodel = "../quad.gltf"\n', "outside", "beside"),
        ('[[prop]]\nmodel = "/etc/passwd"\n', "outside", "beside"),
        ('[[prop]]\nmodel = "a\\u0000b"\n', "no file's name", "beside"),
        ('[[prop]]\nmodel = "."\n', "not a file", "here"),
        ('[[prop]]\nmodel = "' + "a" * 300 + '"\n', "cannot be read", "name"),
        ('[[prop]]\nmodel = "red.png"\n', "cannot be read", "glTF"),
        ("[[paint]]\nimage = 7\n", "image must be a text", "image"),
        ('[[paint]]\nimage = "quad.gltf"\n', "neither a PNG nor a JPEG", "PNG"),
        ('[[paint]]\nimage = "bomb.png"\n', "60000x60000", "4096"),
        ('[[paint]]\nimage = "cut.png"\n', "damaged", "anew"),
        (PAINT + 'blend = "add"\n', "'add'", "multiply"),
        (PAINT + "opacity = 2\n", "opacity", "docs"),
        ("[light]\nstrength = -1\n", "strength", "docs"),
        (PAINT * 17, "more than 16", "several"),
        ("#" * (300 << 10), "too large", "smaller"),
    ],
)
def test_mistakes_are_told_in_two_lines(folder, overlay, text, says, remedy):
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "cut.png").write_bytes(png(size=(64, 64))[:60])
    with pytest.raises(UserError, match=says) as error:
        load_overlay(overlay(text), TRIANGLES)
    assert error.value.message.startswith("Overlay o.toml: ")
    assert re.search(remedy, error.value.remedy)
    assert "\n" not in error.value.message + error.value.remedy


def test_a_file_beyond_the_limit_is_not_read(folder, overlay):
    with (folder / "huge.glb").open("wb") as file:
        file.truncate(500 << 20)  # a hole: takes no room
    with pytest.raises(UserError, match=r"500\.0 MB"):
        load_overlay(overlay('[[prop]]\nmodel = "huge.glb"\n'), TRIANGLES)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_block(folder, overlay):
    os.mkfifo(folder / "pipe.glb")
    with pytest.raises(UserError, match="not a file"):
        load_overlay(overlay('[[prop]]\nmodel = "pipe.glb"\n'), TRIANGLES)


def test_a_link_out_of_the_folder_is_refused(folder, overlay, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "red.png"
    outside.write_bytes(png())
    (folder / "link.png").symlink_to(outside)
    with pytest.raises(UserError, match="outside"):
        load_overlay(overlay('[[paint]]\nimage = "link.png"\n'), TRIANGLES)


def test_names_of_shipped_overlays_and_paths():
    assert shipped_overlays() == ("carnival", "glasses", "hat")
    assert find_overlay("hat") == SHIPPED / "hat" / "hat.toml"
    with pytest.raises(UserError) as error:
        find_overlay("monocle")
    assert "glasses" in error.value.remedy
    with pytest.raises(UserError, match="folder"):
        find_overlay(str(SHIPPED))


@pytest.mark.parametrize("name", ["carnival", "glasses", "hat"])
def test_shipped_overlays_load_and_are_small(name):
    found = load_overlay(find_overlay(name), 8468)
    assert found.props or found.paints
    assert sum(path.stat().st_size for path in found.files) < 300_000


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_pictures_sizes_are_read_from_their_headers(kind):
    data = cv2.imencode(kind, np.zeros((30, 50, 3), np.uint8))[1].tobytes()
    assert picture_size(data) == (50, 30)
    assert picture_size(data[:20]) is None
    assert decode_picture(data, "p").shape == (30, 50, 4)


def test_grey_and_deep_pictures_become_rgba():
    deep = cv2.imencode(".png", np.full((2, 2), 0x80FF, np.uint16))[1].tobytes()
    np.testing.assert_array_equal(decode_picture(deep, "p"), np.tile(np.uint8([128, 128, 128, 255]), (2, 2, 1)))
