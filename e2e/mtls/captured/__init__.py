"""Mutual TLS between workloads whose sidecars capture: a network namespace for each, and one without a sidecar."""
