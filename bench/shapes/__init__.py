"""Meshes of a shape that stresses one thing, beside the uniform one of `bench.documents`: the shapes that Istio's own
benchmarks have. Each is a `Shape`: its files, the proxy that sees them, and a change of one file.
"""

from bench.shapes.ingress import BY_HOST, BY_PATH
from bench.shapes.localities import LOCALITIES
from bench.shapes.protocols import PROTOCOLS
from bench.shapes.shape import Shape
from bench.shapes.workload_entries import WORKLOAD_ENTRIES

SHAPES: tuple[Shape, ...] = (BY_HOST, BY_PATH, PROTOCOLS, WORKLOAD_ENTRIES, LOCALITIES)

__all__ = ["SHAPES", "Shape"]
