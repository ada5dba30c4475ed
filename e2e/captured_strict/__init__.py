"""What depends on capture, in a mesh of identities under strict mutual TLS: everything here meets both at once."""
