"""What an agent tells of itself, of its Envoy and of its workload, on port 15020: no secrets. Does I/O."""
