"""Faults under a bounded load, and what each costs in figures: `make e2e-faults` writes them into docs/faults.md."""
