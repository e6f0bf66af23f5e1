"""glTF: what is read, compared with another reader; what is refused."""

import json
import struct
from contextlib import suppress

import numpy as np
import pytest
from tiny_gltf import INDICES, QUAD, bomb, document, glb, gltf, png

from realtime.errors import UserError
from realtime.overlays.files import OverlayFolder
from realtime.overlays.gltf import load_model, vertex_normals
from realtime.overlays.load import SHIPPED


@pytest.fixture
def load(tmp_path):
    def load(data, name="m.gltf"):
        (tmp_path / name).write_bytes(data)
        return load_model(name, OverlayFolder(tmp_path))

    return load


@pytest.mark.parametrize("write", [gltf, glb])
def test_positions_come_in_millimetres_and_normals_are_made_up(load, write):
    (piece,) = load(write())
    np.testing.assert_allclose(piece.positions, QUAD * 1000)
    np.testing.assert_allclose(piece.normals, np.tile([0, 0, 1], (4, 1)))
    np.testing.assert_array_equal(piece.triangles, INDICES.reshape(2, 3))
    assert (piece.colors == 1).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32])
def test_indices_of_every_width(load, kind):
    np.testing.assert_array_equal(load(gltf(indices=INDICES.astype(kind)))[0].triangles, INDICES.reshape(2, 3))


def test_without_indices_every_three_vertices_are_a_triangle(load):
    mesh = [{"primitives": [{"attributes": {"POSITION": 0}}]}]
    np.testing.assert_array_equal(load(gltf(QUAD[:3], meshes=mesh))[0].triangles, [[0, 1, 2]])


def test_nodes_places_are_worked_in_one_after_the_other(load):
    nodes = [
        {"children": [1], "translation": [1, 2, 3]},
        {"mesh": 0, "rotation": [0, 0, np.sqrt(0.5), np.sqrt(0.5)], "scale": [2, 2, 2]},  # 90 degrees about z
    ]
    (piece,) = load(gltf(nodes=nodes, scenes=[{"nodes": [0]}]))
    turned = np.stack([-QUAD[:, 1], QUAD[:, 0], QUAD[:, 2]], 1)
    np.testing.assert_allclose(piece.positions, 1000 * (2 * turned + [1, 2, 3]), atol=0.01)


def test_a_matrix_lies_column_by_column(load):
    matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]
    (piece,) = load(gltf(nodes=[{"mesh": 0, "matrix": matrix}]))
    np.testing.assert_allclose(piece.positions, 1000 * (QUAD + np.array([5, 6, 7])))


def test_a_mirrored_node_still_faces_outward(load):
    (piece,) = load(gltf(nodes=[{"mesh": 0, "scale": [-1, 1, 1]}]))
    np.testing.assert_allclose(vertex_normals(piece.positions, piece.triangles), np.tile([0, 0, 1], (4, 1)))


def test_given_normals_turn_with_a_stretched_node(load):
    normals = np.float32([[1, 1, 0]] * 4) / np.sqrt(2)
    parts, binary = document(
        meshes=[{"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 2}, "indices": 1}]}],
        nodes=[{"mesh": 0, "scale": [2, 1, 1]}],
    )
    parts["accessors"].append({"bufferView": 2, "componentType": 5126, "count": 4, "type": "VEC3"})
    parts["bufferViews"].append({"buffer": 0, "byteOffset": 64, "byteLength": 48})
    binary = binary.ljust(64, b"\0") + normals.tobytes()
    text = json.dumps(parts).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    (piece,) = load(struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body, "m.glb")
    np.testing.assert_allclose(piece.normals[0], np.array([1, 2, 0]) / np.sqrt(5), atol=1e-6)


def test_the_material_is_read_with_its_texture(load, tmp_path):
    (tmp_path / "t.png").write_bytes(png((10, 20, 30, 128)))
    material = {
        "pbrMetallicRoughness": {
            "baseColorFactor": [0.1, 0.2, 0.3, 0.4],
            "baseColorTexture": {"index": 0},
            "metallicFactor": 0.5,
            "roughnessFactor": 0.25,
        },
        "emissiveFactor": [0, 0, 1],
        "alphaMode": "BLEND",
        "doubleSided": True,
    }
    mesh = [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}]
    data = gltf(meshes=mesh, materials=[material], textures=[{"source": 0}], images=[{"uri": "t.png"}])
    found = load(data)[0].material
    assert found.color == (0.1, 0.2, 0.3, 0.4)
    assert (found.metallic, found.roughness, found.emission) == (0.5, 0.25, (0, 0, 1))
    assert found.is_blended
    assert found.is_double_sided
    np.testing.assert_array_equal(found.texture, np.tile(np.uint8([10, 20, 30, 128]), (2, 2, 1)))


def test_another_reader_finds_the_same(load, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.05)
    ball.apply_translation([0.01, 0.02, 0.03])
    (piece,) = load(ball.export(file_type="glb"), "ball.glb")
    theirs = trimesh.load(tmp_path / "ball.glb", force="mesh")
    np.testing.assert_allclose(piece.positions, theirs.vertices * 1000, atol=1e-3)
    np.testing.assert_array_equal(piece.triangles, theirs.faces)
    np.testing.assert_allclose(piece.normals, theirs.vertex_normals, atol=0.02)


def test_the_shipped_models_are_what_another_reader_finds():
    trimesh = pytest.importorskip("trimesh")
    for name in ("glasses", "hat"):
        pieces = load_model(f"{name}.glb", OverlayFolder(SHIPPED / name))
        scene = trimesh.load(SHIPPED / name / f"{name}.glb")
        ours = np.concatenate([piece.positions for piece in pieces])
        np.testing.assert_allclose([ours.min(0), ours.max(0)], scene.bounds * 1000, atol=1e-2)
        assert sum(len(piece.triangles) for piece in pieces) == sum(len(g.faces) for g in scene.geometry.values())


NAN = QUAD.copy()
NAN[1, 1] = np.nan
BIG_ACCESSOR = document()[0]["accessors"]
BIG_ACCESSOR = [{**BIG_ACCESSOR[0], "count": 10**12}, BIG_ACCESSOR[1]]
NO_VIEW = [{"componentType": 5126, "count": 10**9, "type": "VEC3"}, document()[0]["accessors"][1]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"nodes": [' + b"{}," * 1_000_000 + b"{}]}", "too long"),
        (b"null", "no glTF"),
        (b'{"asset": {"version": "1.0"}}', "not glTF 2.0"),
        (glb()[:30], "broken off"),
        (b"glTF", "broken off"),
        (gltf(nodes=[]), "nothing to draw"),
        (gltf(NAN), "not finite"),
        (gltf(QUAD * 1e6), "far away"),
        (gltf(indices=np.uint16([0, 1, 4])), "do not exist"),
        (gltf(indices=np.uint16([0, 1])), "do not exist"),
        (gltf(accessors=BIG_ACCESSOR), "too many"),
        (gltf(accessors=NO_VIEW), "too many"),
        (gltf(bufferViews=[{"buffer": 0, "byteLength": 10**9}] * 2), "beyond"),
        (gltf(bufferViews=[{"buffer": 0, "byteLength": -1}] * 2), "byteLength"),
        (gltf(nodes=[{"mesh": 0, "children": [0]}], scenes=[{"nodes": [0]}]), "meshes|circle|nodes"),
        (gltf(nodes=[{"children": [0, 0]}], scenes=[{"nodes": [0]}]), "circle"),
        (gltf(nodes=[{"mesh": 9}]), "no meshes"),
        (gltf(nodes=[{"mesh": True}]), "no meshes"),
        (gltf(nodes=3), "nodes"),
        (gltf(nodes=[{"mesh": 0, "scale": [1, float("nan"), 1]}]), "not a number"),
        (gltf(nodes=[{"mesh": 0, "matrix": [1]}]), "16 numbers"),
        (gltf(meshes=[{"primitives": [7]}]), "no valid glTF"),
        (gltf(meshes=[{"primitives": [{"attributes": {}}]}]), "no accessors"),
        (gltf(meshes=[{"primitives": [{"mode": 1, "attributes": {"POSITION": 0}}]}]), "lines"),
        (gltf(extensionsRequired=["KHR_draco_mesh_compression"]), "draco"),
        (gltf(buffers=[{"byteLength": 60, "uri": "data:;base64,?"}]), "base64"),
        (gltf(buffers=[{"byteLength": 60, "uri": "gone.bin"}]), "missing"),
        (gltf(buffers=[{"byteLength": 60, "uri": "../o.bin"}]), "outside"),
        (gltf(buffers=[{"byteLength": 60, "uri": "/dev/zero"}]), "outside"),
        (gltf(buffers=[{"byteLength": 60, "uri": "%2e%2e/o.bin"}]), "outside"),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(load, data, says):
    with pytest.raises(UserError, match=f"(?i){says}") as error:
        load(data)
    assert "m.gltf" in error.value.message
    assert "\n" not in error.value.message + error.value.remedy
    assert error.value.remedy


def test_a_texture_that_says_it_is_huge_is_not_unpacked(load, tmp_path):
    (tmp_path / "t.png").write_bytes(bomb())
    mesh = [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}]
    material = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    with pytest.raises(UserError, match="60000x60000"):
        load(gltf(meshes=mesh, materials=material, textures=[{"source": 0}], images=[{"uri": "t.png"}]))


def test_few_bytes_that_unpack_to_very_much_are_refused(load, tmp_path):
    (tmp_path / "t.png").write_bytes(png(size=(4096, 4096)))  # 64 MB in a file of some 100 KB
    primitives = [{"attributes": {"POSITION": 0}, "indices": 1, "material": each} for each in range(16)]
    materials = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}] * 16
    textures = {"textures": [{"source": 0}], "images": [{"uri": "t.png"}]}
    with pytest.raises(UserError, match="more than 512 MB"):
        load(gltf(meshes=[{"primitives": primitives}], materials=materials, **textures))


def test_vertices_that_no_file_holds_are_counted_too(load):
    accessors = [{"componentType": 5126, "count": 2_600_000, "type": "VEC3"}, document()[0]["accessors"][1]]
    primitives = [{"attributes": {"POSITION": 0}, "indices": 1}] * 16
    with pytest.raises(UserError, match="more than 512 MB"):
        load(gltf(meshes=[{"primitives": primitives}], accessors=accessors))


def test_a_buffer_named_very_often_is_refused(load, tmp_path):
    with (tmp_path / "b.bin").open("wb") as file:
        file.truncate(60 << 20)
    views = [{"buffer": number, "byteLength": 60} for number in range(12)]
    accessors = [{**document()[0]["accessors"][0], "bufferView": number} for number in range(12)]
    primitives = [{"attributes": {"POSITION": number}} for number in range(12)]
    buffers = [{"byteLength": 60 << 20, "uri": "b.bin"}] * 12
    with pytest.raises(UserError, match="more than 512 MB"):
        load(gltf(buffers=buffers, bufferViews=views, accessors=accessors, meshes=[{"primitives": primitives}]))


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_refused_or_read_but_nothing_else_happens(load, seed):
    rng = np.random.default_rng(seed)
    data = bytearray(glb())
    for at in rng.integers(0, len(data), 6):
        data[at] = rng.integers(256)
    with suppress(UserError):
        load(bytes(data), "m.glb")
