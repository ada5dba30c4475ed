"""Pilothouse: an Istio-compatible control plane for stock Envoy."""
