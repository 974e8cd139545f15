"""Requests and their responses, with retransmission and timers (RFC 3261 section 17)."""
