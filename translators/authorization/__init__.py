"""Rules of AuthorizationPolicies as Envoy's role-based access control has them.

Belongs here: what a condition, a rule and a policy become (Envoy ``RBAC``), and how a provider is asked (``ExtAuthz``),
for requests and for connections. `translators.filters` puts both into filters.
"""
