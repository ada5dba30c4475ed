"""A gRPC server that answers every call with its version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc import aio

SERVICE = "test.Versions"
METHOD = f"/{SERVICE}/Get"


@asynccontextmanager
async def backend(version: str, address: str) -> AsyncIterator[None]:
    """Listens on ``HOST:PORT`` while the context is open."""

    async def get(_: bytes, __: object) -> bytes:
        return version.encode()

    server = aio.server()
    handlers = {"Get": grpc.unary_unary_rpc_method_handler(get)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(address)
    await server.start()
    try:
        yield
    finally:
        await server.stop(0.2)
