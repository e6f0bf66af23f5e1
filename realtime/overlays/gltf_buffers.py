"""glTF's raw numbers: buffers, views and accessors, checked against each other before they are believed."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from realtime.errors import UserError
from realtime.overlays.files import OverlayFolder

MOST_BYTES = 64 << 20  # of a model, or of one of its buffers
MOST_NUMBERS = 8_000_000  # in one accessor
MOST_VALUES = 2_000_000  # in the JSON part: each takes many times its bytes once it is read

# Constants of the specification.
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Damaged(ValueError):
    """A file that contradicts itself or the specification; the text says how."""


@dataclass
class Document:
    """A glTF file: its JSON part, its binary part, and the files that it names."""

    json: dict[str, Any]
    binary: bytes
    folder: OverlayFolder
    _buffers: dict[int, bytes] = field(default_factory=dict)

    def items(self, kind: str) -> list[dict[str, Any]]:
        """The list called `kind`; empty where there is none."""
        found = self.json.get(kind, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise Damaged(f"{kind} is no list of objects")
        return found

    def item(self, kind: str, index: Any) -> dict[str, Any]:
        """One of the list called `kind`."""
        found = self.items(kind)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(found):
            raise Damaged(f"there is no {kind}[{index}]")
        return found[index]

    def view(self, index: Any) -> tuple[bytes, int]:
        """A buffer view's bytes, and its stride (0: none is given)."""
        view = self.item("bufferViews", index)
        data = self._buffer(view.get("buffer"))
        start, size = (_whole(view.get(key, 0), key) for key in ("byteOffset", "byteLength"))
        if start + size > len(data):
            raise Damaged(f"bufferViews[{index}] reaches beyond its buffer")
        return data[start : start + size], _whole(view.get("byteStride", 0), "byteStride")

    def accessor(self, index: Any) -> NDArray[Any]:
        """(count, width) of the accessor's own type; normalised ones as float32 0..1 or -1..1."""
        accessor = self.item("accessors", index)
        if "sparse" in accessor:
            raise Damaged("sparse accessors are not read; export it without them")
        kind, width = TYPES.get(accessor.get("componentType", 0)), WIDTHS.get(str(accessor.get("type")), 0)
        if kind is None or not width:
            raise Damaged(f"accessors[{index}] is of a type that is not read")
        count = _whole(accessor.get("count"), "count")
        if count * width > MOST_NUMBERS:
            raise UserError(f"an accessor has {count} entries, too many.", "Simplify the model.")
        if "bufferView" not in accessor:
            return np.zeros((count, width), kind)
        data, stride = self.view(accessor["bufferView"])
        start, size = _whole(accessor.get("byteOffset", 0), "byteOffset"), np.dtype(kind).itemsize
        stride = stride or size * width
        if stride < size * width or (count and start + stride * (count - 1) + size * width > len(data)):
            raise Damaged(f"accessors[{index}] reaches beyond its view")
        little = np.dtype(kind).newbyteorder("<")
        values = np.ndarray((count, width), little, data, start, (stride, size)).astype(kind)
        if accessor.get("normalized") and kind is not np.float32:
            return np.maximum(values.astype(np.float32) / np.iinfo(values.dtype).max, -1.0)
        return values

    def uri(self, uri: Any) -> bytes:
        """What a `data:` URI carries, or the bytes of the file that it names."""
        if not isinstance(uri, str):
            raise Damaged("a URI is no text")
        if uri.startswith("data:"):
            head, _, body = uri.partition(",")
            if not head.endswith(";base64"):
                raise Damaged("a data URI is not base64")
            try:
                return base64.b64decode(body, validate=True)
            except binascii.Error as error:
                raise Damaged(f"a data URI is not base64 ({error})") from error
        return self.folder.read(unquote(uri), MOST_BYTES)

    def _buffer(self, index: Any) -> bytes:
        buffer = self.item("buffers", index)
        if index not in self._buffers:
            self._buffers[index] = self.uri(buffer["uri"]) if "uri" in buffer else self.binary
        return self._buffers[index]


def open_document(data: bytes, folder: OverlayFolder) -> Document:
    """Takes a .glb or .gltf file apart; raises `Damaged`."""
    text, binary = (data, b"") if data[:4] != b"glTF" else _chunks(data)
    if sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise Damaged("its JSON part is too long")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise Damaged(f"its JSON cannot be read ({type(error).__name__})") from error
    if not isinstance(parsed, dict):
        raise Damaged("it is no glTF file")
    asset = parsed.get("asset")
    if not isinstance(asset, dict) or not str(asset.get("version", "")).startswith("2."):
        raise Damaged("it is not glTF 2.0")
    return Document(parsed, binary, folder)


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """The JSON and the binary part of a .glb."""
    if len(data) < 20:
        raise Damaged("it is broken off")
    magic, version, total = struct.unpack_from("<III", data)
    if magic != MAGIC or version != 2 or total > len(data):
        raise Damaged("it is broken off, or not version 2")
    found: dict[int, bytes] = {}
    at = 12
    while at + 8 <= total:
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > total:
            raise Damaged("a chunk is broken off")
        found.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    return found.get(JSON_CHUNK, b""), found.get(BINARY_CHUNK, b"")


def _whole(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 40:
        raise Damaged(f"{what} is {value!r}"[:80])
    return value
