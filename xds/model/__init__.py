"""Frozen domain types: what the configuration means, before any of it becomes an Envoy message.

Belongs here: values such as services, endpoints, routing rules, traffic policy, the Mesh, a Proxy and its ProxyView,
and diagnostics. Does not belong here: protobuf, parsing, I/O, clocks. Everything is immutable; two values with the
same content are interchangeable, and an unchanged input keeps its identity from one Mesh to the next, which is what
the pipeline memoises on.
"""
