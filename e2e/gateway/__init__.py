"""A gateway Envoy on loopback, as clients from outside of the mesh see it."""
