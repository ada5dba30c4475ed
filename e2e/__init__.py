"""Tests with real Envoys, real processes and real traffic on loopback. Nothing here needs root."""
