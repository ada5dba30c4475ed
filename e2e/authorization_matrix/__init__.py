"""What proxies make of AuthorizationPolicies, compared with what an interpreter of the documents says of them.

The interpreter (`oracle`) knows nothing of the code that is tested: it reads the documents as Istio describes them.
"""
