"""The same of the filters that refuse: generated policies, put before a real Envoy with all kinds of clients."""
