"""The Envoy that an agent runs: started, watched, started again, drained and ended. Does I/O."""
