"""Prints what a TensorRT package says of the calls in `contract.py`, for `tensorrt_signatures.json`.

    python tests/engines/record.py tensorrt_bindings

Classic TensorRT's bindings (PyPI: tensorrt-cu12-bindings) can be asked on any machine: unpack the wheel, and put empty
shared libraries named libnvinfer, libnvonnxparser and libnvinfer_plugin (.so.10 or .so.11) in LD_LIBRARY_PATH that
define the dozen C functions that `nm -D --undefined-only tensorrt.so` lists. Nothing of them is called.
"""

import importlib
import json
import sys

from contract import CALLS, FUNCTIONS, MEMBERS, describe, find


def record(module) -> dict[str, object]:
    """Signatures, the members of the enumerations, and which functions there are."""
    enumerations = {name: find(module, name) for name in MEMBERS}
    return {
        "calls": {call.name: describe(module, call.name) for call in CALLS},
        "members": {name: sorted(one.__members__) for name, one in enumerations.items() if one is not None},
        "functions": [name for name in FUNCTIONS if callable(find(module, name))],
    }


if __name__ == "__main__":
    found = importlib.import_module(sys.argv[1])
    print(json.dumps({found.__version__: record(found)}, indent=1))
