"""EnvoyFilters in real Envoys: a workload with its sidecar, and a client with another."""
