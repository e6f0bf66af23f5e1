"""Reads the part of glTF 2.0 that a prop needs: meshes, nodes, plain materials and their colour texture.

A reader of our own, because what is needed is small and what matters is not: `pygltflib` gives objects for the JSON
but neither decodes accessors nor checks them, and `trimesh` (which the tests compare this with) is heavy and believes
what it reads. Animations, skins, morph targets, cameras and lights are passed over.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import UserError
from realtime.overlays.files import OverlayFolder
from realtime.overlays.gltf_buffers import MOST_BYTES, Damaged, Document, open_document
from realtime.overlays.overlay import Material, Piece

MM_PER_UNIT = 1000.0  # glTF measures in metres
MOST_TRIANGLES = 300_000
MOST_PIECES = 64
MOST_NODES = 4096
VERTEX_BYTES = 48  # position, normal, texture coordinates and colour, as they are kept
FARTHEST = 1e5  # mm
TRIANGLES = 4  # of the specification's modes
UNLIT = "KHR_materials_unlit"
REMEDY = "Export it anew as glTF 2.0 (.glb), triangles, without compression."


def load_model(name: str, folder: OverlayFolder) -> tuple[Piece, ...]:
    """The model's pieces in millimetres, its nodes' places worked in.

    Args:
        name: of the .glb or .gltf file.
        folder: where it lies.

    Raises:
        UserError: missing, damaged, too large, or of a kind that is not read.
    """
    data = folder.read(name, MOST_BYTES)
    try:
        document = open_document(data, folder)
        needed = set(document.json.get("extensionsRequired", [])) - {UNLIT}
        if needed:
            raise Damaged(f"it needs {', '.join(sorted(map(str, needed)))}")
        pieces = _Reader(document).pieces()
    except (
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:  # a number where an object belongs, and so on
        reason = str(error) if isinstance(error, Damaged) else "it is no valid glTF"
        raise UserError(f"{name!r} cannot be read: {reason}.", REMEDY) from error
    except UserError as error:
        raise UserError(f"{name!r}: {error.message}", error.remedy) from error
    if not pieces:
        raise UserError(f"{name!r} has nothing to draw.", "It needs a scene with a mesh of triangles.")
    return tuple(pieces)


class _Reader:
    """Walks through one document's scene."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._materials: dict[int, Material] = {}
        self._pieces: list[Piece] = []
        self._triangles = 0

    def pieces(self) -> list[Piece]:
        """Everything in the scene, in its root's frame."""
        todo = [(root, np.eye(4)) for root in self._roots()]
        visits = 0
        while todo:
            index, parent = todo.pop()
            visits += 1
            if visits + len(todo) > MOST_NODES:
                raise Damaged("it has too many nodes, or they go round in a circle")
            node = self._document.item("nodes", index)
            place = parent @ _node_matrix(node)
            if "mesh" in node:
                for primitive in self._document.item("meshes", node["mesh"]).get("primitives", []):
                    self._add(primitive, place)
            todo += [(child, place) for child in node.get("children", [])]
        return self._pieces

    def _roots(self) -> list[Any]:
        if self._document.items("scenes"):
            return list(self._document.item("scenes", self._document.json.get("scene", 0)).get("nodes", []))
        return list(range(len(self._document.items("nodes"))))

    def _add(self, primitive: dict[str, Any], place: NDArray) -> None:
        if primitive.get("mode", TRIANGLES) != TRIANGLES:
            raise Damaged("it has points, lines or strips")
        given = primitive.get("attributes", {})
        positions = _floats(self._document.accessor(given.get("POSITION")), 3)
        count = len(positions)
        self._document.folder.spend(count * VERTEX_BYTES)
        triangles = self._indices(primitive, count)
        self._triangles += len(triangles)
        if self._triangles > MOST_TRIANGLES or len(self._pieces) >= MOST_PIECES:
            raise UserError(
                f"more than {MOST_TRIANGLES} triangles or {MOST_PIECES} meshes.",
                "Simplify the model and join its meshes.",
            )
        if not len(triangles):
            return
        positions = positions @ place[:3, :3].T + place[:3, 3]
        if not np.isfinite(positions).all() or np.abs(positions).max() * MM_PER_UNIT > FARTHEST:
            raise UserError("its geometry is not finite, or very far away.", "Apply all transforms and export it anew.")
        if np.linalg.det(place[:3, :3]) < 0:  # mirrored: what was outside is now inside
            triangles = triangles[:, ::-1]
        normals = self._normals(given, positions, triangles, place)
        colors = self._attribute(given, "COLOR_0", count, np.ones((count, 4)))
        if colors.shape[1] == 3:
            colors = np.column_stack([colors, np.ones(count)])
        self._pieces.append(
            Piece(
                positions=(positions * MM_PER_UNIT).astype(np.float32),
                normals=normals.astype(np.float32),
                uv=self._attribute(given, "TEXCOORD_0", count, np.zeros((count, 2))).astype(np.float32),
                colors=np.clip(colors, 0, 1).astype(np.float32),
                triangles=np.ascontiguousarray(triangles, np.int32),
                material=self._material(primitive.get("material")),
            )
        )

    def _indices(self, primitive: dict[str, Any], count: int) -> NDArray[np.int64]:
        if "indices" not in primitive:
            return np.arange(count - count % 3).reshape(-1, 3)
        flat = self._document.accessor(primitive["indices"]).ravel()
        if flat.dtype.kind != "u" or len(flat) % 3 or (len(flat) and int(flat.max()) >= count):
            raise Damaged("its triangles name vertices that do not exist")
        return flat.astype(np.int64).reshape(-1, 3)

    def _attribute(self, given: dict[str, Any], name: str, count: int, default: NDArray) -> NDArray:
        if name not in given:
            return default
        values = self._document.accessor(given[name]).astype(np.float64)
        if len(values) != count or values.shape[1] not in {default.shape[1], default.shape[1] - (name == "COLOR_0")}:
            raise Damaged(f"{name} does not fit its vertices")
        if not np.isfinite(values).all():
            raise Damaged(f"{name} is not finite")
        return values

    def _normals(self, given: dict[str, Any], positions: NDArray, triangles: NDArray, place: NDArray) -> NDArray:
        if "NORMAL" not in given:
            return vertex_normals(positions, triangles)
        normals = self._attribute(given, "NORMAL", len(positions), np.zeros((0, 3)))
        # Normals turn with the inverse transpose; its cofactors exist for a flattened model, too.
        matrix = place[:3, :3]
        cofactors = np.cross(matrix[[1, 2, 0]], matrix[[2, 0, 1]])
        return _unit(normals @ cofactors.T * np.sign(np.linalg.det(matrix) or 1.0))

    def _material(self, index: Any) -> Material:
        if index is None:
            return Material()
        if index not in self._materials:
            self._materials[index] = self._read_material(self._document.item("materials", index))
        return self._materials[index]

    def _read_material(self, material: dict[str, Any]) -> Material:
        surface = material.get("pbrMetallicRoughness", {})
        mode = material.get("alphaMode", "OPAQUE")
        color = _numbers(surface.get("baseColorFactor", (1, 1, 1, 1)), 4)
        texture = surface.get("baseColorTexture")
        metallic, roughness = (_numbers([surface.get(key, 1)], 1)[0] for key in ("metallicFactor", "roughnessFactor"))
        return Material(
            color=(color[0], color[1], color[2], color[3]),
            texture=None if texture is None else self._texture(texture.get("index"), opaque=mode == "OPAQUE"),
            metallic=metallic,
            roughness=roughness,
            emission=_numbers(material.get("emissiveFactor", (0, 0, 0)), 3),  # type: ignore[arg-type]
            cutoff=_numbers([material.get("alphaCutoff", 0.5)], 1)[0] if mode == "MASK" else 0.0,
            is_blended=mode == "BLEND",
            is_double_sided=material.get("doubleSided") is True,
            is_unlit=UNLIT in material.get("extensions", {}),
        )

    def _texture(self, index: Any, opaque: bool) -> NDArray[np.uint8]:
        source = self._document.item("images", self._document.item("textures", index).get("source"))
        if "bufferView" in source:
            data = self._document.view(source["bufferView"])[0]
        else:
            data = self._document.uri(source.get("uri"))
        named = str(source.get("uri") or source.get("name") or "its texture")
        picture = self._document.folder.decode(data, "its texture" if named.startswith("data:") else named)
        if opaque:
            picture[..., 3] = 255
        return picture


def vertex_normals(positions: NDArray, triangles: NDArray) -> NDArray:
    """(N, 3) unit normals: the mean of those of the triangles around each vertex, by area."""
    a, b, c = (positions[triangles[:, corner]] for corner in range(3))
    normals = np.zeros_like(positions)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], np.cross(b - a, c - a))
    return _unit(normals)


def _node_matrix(node: dict[str, Any]) -> NDArray:
    """(4, 4) a node's place in its parent."""
    if "matrix" in node:
        return np.array(_numbers(node["matrix"], 16, 1e6)).reshape(4, 4).T  # column by column
    x, y, z, w = _numbers(node.get("rotation", (0, 0, 0, 1)), 4)
    length = (x * x + y * y + z * z + w * w) ** 0.5 or 1.0
    x, y, z, w = x / length, y / length, z / length, w / length
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= _numbers(node.get("scale", (1, 1, 1)), 3, 1e6)
    matrix[:3, 3] = _numbers(node.get("translation", (0, 0, 0)), 3, 1e6)
    return matrix


def _numbers(values: Any, count: int, most: float = 1e3) -> tuple[float, ...]:
    """`count` numbers of at most `most`; NaN compares false."""
    if not isinstance(values, list | tuple) or len(values) != count:
        raise Damaged(f"{count} numbers are expected where it has none, or others")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
            raise Damaged(f"{value!r} is not a number that can be right"[:80])
    return tuple(float(value) for value in values)


def _floats(values: NDArray, width: int) -> NDArray[np.float64]:
    if values.shape[1] != width or values.dtype.kind != "f":
        raise Damaged("its positions are of another type than float")
    return values.astype(np.float64)


def _unit(vectors: NDArray) -> NDArray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-12, vectors / np.maximum(length, 1e-12), (0.0, 0.0, 1.0))
