"""Where a proxy accepts traffic, and which filter chain a connection gets.

Belongs here: the listeners of captured and explicit sidecars and of gateways, their connection managers and TCP
proxies, and the access log. Bodies are encoded parts that `xds.pipeline.assemble` completes; everything here is pure.
`translators.listeners` is the translator made of it.
"""
