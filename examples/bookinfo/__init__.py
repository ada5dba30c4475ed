"""Bookinfo: a book shop's page made by four small HTTP services, and mesh configuration that routes between them."""
