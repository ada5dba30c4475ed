"""The four services of Bookinfo. Each is one process: ``python -m examples.bookinfo.services.<name> --help``.

They know their neighbours by mesh host names alone (``http://reviews:9080/...``). With ``--http-proxy`` they reach them
through their sidecar's egress listener; without it they connect directly and rely on transparent capture.
"""
