"""What a cluster is made of, one concern in each module; `translators.clusters` puts them together.

`target` says which clusters a service has and how their endpoints are found, and `policy` which DestinationRule
blocks hold for each; `connection_pool`, `http`, `load_balancing`, `outlier`, `tls` and `proxy_protocol` translate one
block each, and `upstream` puts them together. `outbound`, `inbound` and `passthrough` make the clusters; `assignment`
and `address` their endpoints, in the order that `placement` decides; `metadata` names the objects behind a cluster.
`buckets` makes a change cheap. Everything is pure.
"""
