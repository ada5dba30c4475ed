"""Bookinfo in network namespaces, under strict mutual TLS: what visitors see, and what is on the wire."""
