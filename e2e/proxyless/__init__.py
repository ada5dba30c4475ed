"""gRPC without proxies: backends that say which version they are, and a client that asks them."""
