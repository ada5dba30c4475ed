"""Generate ``xds/wire/*_pb2.py`` and their type stubs from ``protos/xds/wire/*.proto``.

    python protos/generate.py [DIRECTORY]

DIRECTORY is the root to write below, the repository by default. Needs grpcio-tools, whose version fixes both the exact
output and the oldest protobuf runtime that may load it; the output is committed, so users need neither.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]  # grpcio-tools ships no types

PROTOS = Path(__file__).resolve().parent


def generate(root: Path) -> list[Path]:
    """Write the modules and stubs below ``root`` and return the paths written. Raises RuntimeError if protoc fails."""
    sources = sorted(path.relative_to(PROTOS) for path in PROTOS.rglob("*.proto"))
    arguments = ["protoc", f"-I{PROTOS}", f"-I{files('grpc_tools') / '_proto'}"]
    arguments += [f"--python_out={root}", f"--pyi_out={root}", *map(str, sources)]
    if status := protoc.main(arguments):
        raise RuntimeError(f"protoc exited with status {status}")
    stubs = [(root / source).with_name(f"{source.stem}_pb2.pyi") for source in sources]
    for stub in stubs:
        _complete(stub)
    return [path for stub in stubs for path in (stub.with_suffix(".py"), stub)]


def _complete(stub: Path) -> None:
    """Give protoc's bare ``Mapping`` its type arguments: strict type checking refuses it without."""
    stub.write_text(stub.read_text(encoding="utf-8").replace("_Mapping]", "_Mapping[str, object]]"), encoding="utf-8")


if __name__ == "__main__":
    for written in generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTOS.parent):
        print(written)
