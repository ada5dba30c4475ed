"""Many streams on one server: the server in a process of its own, its clients in another.

The case drives both over pipes (`link`). `server` is the real thing: store, pipeline, convergence, metrics, xDS server.
`floor` says the same messages with nothing behind them: what gRPC costs by itself. `clients` are raw gRPC clients, each
with a connection of its own, that introduce themselves as an Envoy does, subscribe in its order and accept everything.
"""
