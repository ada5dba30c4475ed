"""Transparent capture with real traffic: network namespaces, iptables, and an Envoy beside each application.

Needs root, iproute2 and iptables. Every address is inside namespaces that the tests make and remove.
"""
