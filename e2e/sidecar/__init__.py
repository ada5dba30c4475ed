"""Sidecars with real traffic: what a client may call and how, and what a workload receives."""
