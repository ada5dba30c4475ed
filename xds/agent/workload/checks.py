"""One look at a workload."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from asyncio.subprocess import DEVNULL
from typing import Final

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc import aio
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]  # grpcio ships no types

from xds.agent import leash
from xds.agent.envoy.process import describe
from xds.agent.http.client import HttpError, Target, ask
from xds.model.probes import ExecCheck, GrpcCheck, HttpCheck, Probe, TcpCheck

_LOOPBACK: Final = "127.0.0.1"
_HEALTH: Final = "/grpc.health.v1.Health/Check"


async def look(probe: Probe, *, commands: bool) -> str:
    """What is wrong, empty if nothing is. commands: whether programs may be run."""
    match probe.check:
        case HttpCheck() as http:
            return await _http(http, probe.timeout)
        case TcpCheck() as tcp:
            return await _tcp(tcp, probe.timeout)
        case GrpcCheck() as call:
            return await _grpc(call, probe.timeout)
        case ExecCheck() as program if commands:
            return await _exec(program, probe.timeout)
        case ExecCheck():
            return "the probe is a command, and commands are not run without --exec-probes"


async def _http(check: HttpCheck, seconds: float) -> str:
    tls = _any_certificate() if check.tls else None
    target = Target(check.host or _LOOPBACK, check.port, tls)
    try:
        async with ask(target, check.path, seconds, headers=dict(check.headers)) as answer:
            return "" if 200 <= answer.status < 400 else f"GET {check.path}: {answer.status}"
    except HttpError as error:
        return str(error)


def _any_certificate() -> ssl.SSLContext:
    """As kubelet does it: it is asked whether it answers, and not who it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _tcp(check: TcpCheck, seconds: float) -> str:
    target = Target(check.host or _LOOPBACK, check.port)
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except TimeoutError:
        return f"no connection to {target} within {seconds:g} s"
    except OSError as error:
        return f"{target}: {error.strerror or error}"
    writer.close()
    return ""


async def _grpc(check: GrpcCheck, seconds: float) -> str:
    request = health_pb2.HealthCheckRequest(service=check.service)
    async with aio.insecure_channel(str(Target(_LOOPBACK, check.port))) as channel:
        call = channel.unary_unary(
            _HEALTH,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = await call(request, timeout=seconds)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return ""
    return f"{check.service or 'the server'} is {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}"


async def _exec(check: ExecCheck, seconds: float) -> str:
    """On a leash, and in a process group of its own, so that nothing is left of it."""
    leashed = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *check.command)
    try:
        process = await asyncio.create_subprocess_exec(
            *leashed, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, process_group=0
        )
    except OSError as error:
        return f"{check.command[0]} cannot be run: {error.strerror}"
    try:
        async with asyncio.timeout(seconds):
            status = await process.wait()
    except TimeoutError:
        return f"{check.command[0]} has not ended within {seconds:g} s"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return "" if status == 0 else f"{check.command[0]} ended with {describe(status)}"
