"""Where documents come from: each source watches something and reports what changed as values.

Belongs here: reading files (later Kubernetes and etcd), noticing changes, turning failures to read into diagnostics.
Does not belong here: what a document means. May do I/O. Sources know nothing of each other.
"""
