"""Wasm modules, fetched: from files, over HTTP, and from OCI images in folders and registries.

Belongs here: reading and downloading, checksums, the cache on disk, trying again. What is fetched is bounded in size,
and nothing of it is believed without being looked at. Does not belong here: which modules are needed, and what becomes
of them, which the Mesh says.
"""
