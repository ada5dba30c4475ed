"""AuthorizationPolicies before real Envoys, asked by callers with real identities."""
