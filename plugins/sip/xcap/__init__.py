"""XCAP: what a person keeps at the server, read and changed over HTTP (RFC 4825)."""
