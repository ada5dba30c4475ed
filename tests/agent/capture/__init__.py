"""Tests of `xds.agent.capture`."""
