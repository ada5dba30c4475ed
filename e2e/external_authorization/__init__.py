"""Requests and connections that a service outside of the proxies decides on (action CUSTOM)."""
