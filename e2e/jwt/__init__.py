"""RequestAuthentication with real Envoys: tokens of every kind, at a sidecar and a gateway, and issuers that fail."""
