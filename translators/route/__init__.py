"""How requests find their destination: from VirtualServices and services to the parts of RouteConfigurations.

Belongs here: matching, actions, domains, and the virtual hosts of sidecars and gateways. Bodies are encoded pieces that
`xds.pipeline.assemble` splices together; everything here is pure. `translators.routes` is the translator made of it.
"""
