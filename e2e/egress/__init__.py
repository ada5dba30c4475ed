"""Traffic that leaves the mesh by an egress gateway: a client's sidecar, the gateway, and a server outside."""
