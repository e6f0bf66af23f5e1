import errno
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from realtime.errors import UserError
from realtime.outputs import export
from realtime.outputs.export import export_face

VALIDATOR = "gltf-validator@2.0.0-dev.3.10"  # Khronos' own, from npm


@pytest.fixture(autouse=True)
def _small_texture(monkeypatch):
    monkeypatch.setattr(export, "TEXTURE_SIZE", 128)


@pytest.fixture(scope="module")
def shared_glb(tmp_path_factory, model, face, frame):
    path = tmp_path_factory.mktemp("glb") / "face.glb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "TEXTURE_SIZE", 128)
        export_face(path, model, face, frame)
    return path


@pytest.fixture
def glb(tmp_path, shared_glb):
    return Path(shutil.copy(shared_glb, tmp_path))


def read_glb(path):
    """The document and a function that reads an accessor."""
    pygltflib = pytest.importorskip("pygltflib")
    document = pygltflib.GLTF2().load(str(path))
    data = document.binary_blob()

    def accessor(index):
        found = document.accessors[index]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[found.type]
        dtype = {5126: np.float32, 5125: np.uint32}[found.componentType]
        start = document.bufferViews[found.bufferView].byteOffset
        return np.frombuffer(data, dtype, found.count * width, start).reshape(found.count, width)

    return document, accessor


def test_the_khronos_validator_finds_nothing(glb, request):
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    folder = Path(request.config.cache.mkdir("gltf-validator"))
    if not (folder / "node_modules" / "gltf-validator").exists():
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), VALIDATOR]
        if subprocess.run(install, capture_output=True, timeout=300).returncode:
            pytest.skip("gltf-validator cannot be installed from npm")
    script = (
        "require('gltf-validator').validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[1])))"
        ".then(report => console.log(JSON.stringify(report)))"
    )
    done = subprocess.run(
        ["node", "-e", script, str(glb)], cwd=folder, capture_output=True, text=True, timeout=300, check=True
    )
    report = json.loads(done.stdout)
    assert report["issues"]["messages"] == []
    assert report["info"]["hasMorphTargets"]
    assert report["info"]["hasTextures"]


def test_the_52_blendshapes_are_named_and_weighted(glb, model, face):
    document, _ = read_glb(glb)
    mesh = document.meshes[0]
    assert tuple(mesh.extras["targetNames"]) == model.expression_names
    assert len(mesh.primitives[0].targets) == 52
    np.testing.assert_allclose(mesh.weights, face.coefficients.expression)


def test_shapes_and_weights_give_the_seen_face_in_metres(glb, model, face):
    document, accessor = read_glb(glb)
    mesh = document.meshes[0]
    vertices = accessor(mesh.primitives[0].attributes.POSITION).copy()
    np.testing.assert_allclose(vertices, face.neutral / 1000, atol=1e-6)
    for target, weight in zip(mesh.primitives[0].targets, mesh.weights, strict=True):
        vertices += weight * accessor(target["POSITION"])
    coefficients = face.coefficients
    expected = model.vertices(coefficients.identity, coefficients.expression) / 1000
    np.testing.assert_allclose(vertices, expected, atol=1e-5)
    assert 0.15 < np.ptp(vertices[:, 1]) < 0.35


def test_eyes_turn_with_their_blendshapes(glb, model):
    document, accessor = read_glb(glb)
    target = document.meshes[0].primitives[0].targets[model.expression_names.index("eyeLookUpLeft")]
    moved = np.linalg.norm(accessor(target["POSITION"]), axis=1) * 1000
    first, end = model.eye_ranges[1]
    assert moved[first:end].max() > 2.0


def test_surfaces_face_outward_and_texture_rows_run_down(glb, model, face, frame):
    trimesh = pytest.importorskip("trimesh")
    (loaded,) = trimesh.load(glb).geometry.values()
    assert loaded.vertices.shape == model.mean.shape
    outward = np.einsum("tc,tc->t", loaded.face_normals, model.normals(model.mean)[model.triangles[:, 0]])
    assert (outward > 0).mean() > 0.97
    # The brow of the person's right is at smaller u; the loader flips v back to upwards.
    image = np.asarray(loaded.visual.material.baseColorTexture)
    vertex = int(np.argmin(np.linalg.norm(model.mean - (-35, 45, 30), axis=1)))
    u, v = loaded.visual.uv[vertex]
    np.testing.assert_allclose((u, v), model.uv[vertex], atol=1e-5)
    pixel = image[int((1 - v) * len(image)), int(u * len(image)), :3]
    assert np.abs(pixel.astype(int) - (180, 90, 60)).max() < 25


def test_obj_holds_the_seen_face_with_its_material_and_texture(tmp_path, model, face, frame):
    trimesh = pytest.importorskip("trimesh")
    export_face(tmp_path / "face.obj", model, face, frame)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["face.mtl", "face.obj", "face.png"]
    loaded = trimesh.load(tmp_path / "face.obj", process=False, maintain_order=True)
    assert len(loaded.faces) == len(model.triangles)
    expected = model.vertices(face.coefficients.identity, face.coefficients.expression) / 1000
    corners = np.asarray(loaded.vertices)[loaded.faces[:50]]
    np.testing.assert_allclose(corners, expected[model.triangles[:50]], atol=1e-5)
    assert loaded.visual.material.image.size == (128, 128)


def test_an_unknown_kind_of_file_names_the_known_ones(tmp_path, model, face, frame):
    with pytest.raises(UserError) as error:
        export_face(tmp_path / "face.fbx", model, face, frame)
    assert ".glb" in error.value.remedy
    assert ".obj" in error.value.remedy


def test_a_missing_folder_is_the_users_to_mend(tmp_path, model, face, frame):
    with pytest.raises(UserError, match="no such file"):
        export_face(tmp_path / "nowhere" / "face.glb", model, face, frame)


def test_a_full_disk_leaves_the_old_file_and_no_half_one(glb, model, face, frame, monkeypatch):
    before = glb.read_bytes()

    def fail(self, data):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(UserError, match="no space left"):
        export_face(glb, model, face, frame)
    assert glb.read_bytes() == before
    assert [p.name for p in glb.parent.iterdir()] == ["face.glb"]
