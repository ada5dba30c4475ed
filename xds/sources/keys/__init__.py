"""The public keys of the issuers of tokens, fetched: from a URL, or from where the issuer itself says.

Belongs here: asking, the cache on disk, trying again, asking anew. What is fetched is bounded in size, and nothing of
it is believed without being looked at. Does not belong here: which keys are needed, and what becomes of them, which the
Mesh says.
"""
