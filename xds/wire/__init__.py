"""Protobuf, in and out: the bytes that travel and the JSON that people read.

Belongs here, and all of it pure (no I/O, no clock, no other package of xds, neither asyncio nor grpc):

- ``core_pb2``, ``discovery_pb2``, ``endpoint_pb2``, ``client_status_pb2``, ``load_stats_pb2``: the xDS envelope, the
  endpoint messages, client status and load reports under our own package name, wire-compatible with Envoy's. Generated
  from ``protos/`` by ``protos/generate.py``; never edited.
- ``encode``: envoy-data-plane message -> bytes, fast and deterministic. Equal messages give equal bytes, so a hash of
  the bytes is the version of a resource.
- ``registry``: message class <-> type URL, and the class for a type URL that nothing has imported yet; ``typed_struct``
  for extensions that envoy-data-plane does not have.
- ``protojson``: bytes -> protobuf's JSON mapping, in the field names of the ``.proto`` files, as Envoy accepts it.
- ``fromjson`` and ``json_scalars``: the inverse, with every mistake at its path; ``fields``: what a message class has,
  which they go by.
- ``rules``: whether a message is one that Envoy can accept, as far as that can be told.
- ``merge``: one encoded message merged into another, as an EnvoyFilter's MERGE does.
- ``scalars`` and ``wellknown``: the value encoders that ``encode`` is made of.

Messages given to this package are only read. Import the module that is needed; this one re-exports nothing.
"""
