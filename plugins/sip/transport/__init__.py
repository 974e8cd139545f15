"""Where SIP comes in and goes out: sockets, flows and their limits (RFC 3261 section 18)."""
