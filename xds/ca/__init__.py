"""The certificate authority: who a workload is, proven by a certificate.

Belongs here: what certificates and tokens say, issuing and checking them, replacing roots, the folder that keeps keys,
and what proves an identity. Does not belong here: how callers reach it (`xds.server`), and when steps are made
(`xds.app`). Pure, but for ``disk``, ``keystore``, ``authority_files``, ``join_tokens``, ``plugged_in`` and ``tls``:
time and serial numbers are parameters.
"""
