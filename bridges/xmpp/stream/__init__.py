"""One client's stream, from the socket to the bound resource (RFC 6120)."""
