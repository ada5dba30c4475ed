"""What a DestinationRule does to traffic, as servers of our own see it behind a real Envoy.

``certificates/`` has a CA that signed a server's, a revoked server's and a client's certificate, and its list of those
that are revoked. They are valid from 2020 to 2120, and nothing but these tests trusts them.
"""
