"""The agent beside a workload: its identity, its Envoy, and what others ask about them.

Belongs here: the key and certificate of the workload and what is done to keep them fresh, the sockets by which Envoy
(SDS) and the application (SPIFFE Workload API) get them, and the process that runs Envoy. Does not belong here: the
control plane. An agent runs beside every workload, so that what it loads counts: it stays below 60 MB.
"""
