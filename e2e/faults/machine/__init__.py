"""Faults of the machine around a mesh: its network, its disks, its clock, its folders."""
