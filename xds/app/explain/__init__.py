"""``pilothouse explain``: which proxy and which connection are meant, and where each step is written.

What happens to the request is told by `xds.explain`, from the proxy's resources alone.
"""
