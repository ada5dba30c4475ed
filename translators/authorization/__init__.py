"""Rules of AuthorizationPolicies as Envoy's role-based access control has them.

Belongs here: what a condition, a rule and a policy become (Envoy ``RBAC``), for requests and for connections.
`translators.filters.authorization` puts it into filters.
"""
