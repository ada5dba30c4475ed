"""What surrounds a resource on the wire: ``envoy.service.discovery.v3.Resource``, in pieces.

Field numbers: Resource version 1, resource 2, name 3, aliases 4, ttl 6. Any type_url 1, value 2. Duration seconds 1,
nanos 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from xds.resources import Resource
from xds.wire.scalars import VARINT, tag, varint
from xds.wire.splice import enclosed, field

WRAPPER = "type.googleapis.com/envoy.service.discovery.v3.Resource"

_VERSION, _BODY, _NAME, _ALIASES, _TTL = 1, 2, 3, 4, 6
_TYPE_URL, _VALUE = 1, 2
_SECONDS, _NANOS = 1, 2


def as_any(resource: Resource) -> tuple[bytes, ...]:
    """An encoded ``google.protobuf.Any``. One with a TTL is wrapped: the message has no place for it."""
    if resource.ttl is None:
        return _plain(resource)
    return field(_TYPE_URL, WRAPPER.encode()), *enclosed(_VALUE, *as_resource(resource))


def as_resource(resource: Resource) -> Iterator[bytes]:
    """An encoded ``Resource``, body and all."""
    yield field(_VERSION, resource.version.encode())
    yield from enclosed(_BODY, *_plain(resource))
    yield field(_NAME, resource.name.encode())
    if resource.aliases or resource.ttl is not None:
        yield from _extras(resource)


def as_heartbeat(resource: Resource) -> Iterator[bytes]:
    """An encoded ``Resource`` without a body: a client that has it at this version goes on having it."""
    yield field(_VERSION, resource.version.encode())
    yield field(_NAME, resource.name.encode())
    yield from _extras(resource)


def _plain(resource: Resource) -> tuple[bytes, ...]:
    return field(_TYPE_URL, resource.type_url.encode()), *enclosed(_VALUE, resource.body)


def _extras(resource: Resource) -> Iterator[bytes]:
    yield from (field(_ALIASES, alias.encode()) for alias in resource.aliases)
    if resource.ttl is not None:
        yield field(_TTL, _duration(resource.ttl))


def _duration(length: timedelta) -> bytes:
    seconds, rest = divmod(length, timedelta(seconds=1))
    return tag(_SECONDS, VARINT) + varint(seconds) + tag(_NANOS, VARINT) + varint(rest.microseconds * 1000)
