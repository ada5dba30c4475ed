"""Tests of `xds.agent`."""
