"""The filters that may refuse a connection or a request: Envoy's RBAC, JWT authentication, external authorization.

Belongs here: what such a filter decides, and which of its policies does. What a proxy does around them is told beside
this package.
"""
