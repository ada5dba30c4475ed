"""Whether the workload is healthy: looked at as its WorkloadGroup says, and told to the control plane. Does I/O."""
