"""Tests with real Envoys, real processes and real traffic on loopback.

Only `e2e.capture` needs root, for network namespaces; without it those tests are skipped.
"""
