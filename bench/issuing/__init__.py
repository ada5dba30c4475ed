"""Certificates over gRPC, for many workloads at once: a server, its clients, and what stands in for the server."""
