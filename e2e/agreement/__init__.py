"""Does `xds.explain` say what a real Envoy does? Generated configurations and requests, run through one, compared."""
