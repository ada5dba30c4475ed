"""What a cluster is made of, one concern in each module; `translators.clusters` puts them together.

`target` says which clusters a service has and how their endpoints are found; `policy`, `connection_pool`, `http`,
`load_balancing`, `outlier` and `tls` translate a DestinationRule's blocks; `assignment` and `address` give the
endpoints; `metadata` names the objects behind a cluster. Everything here is a pure function.
"""
