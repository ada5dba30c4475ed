"""Mutual TLS between workloads: a control plane with an authority, and Envoys that prove who they are to it."""
