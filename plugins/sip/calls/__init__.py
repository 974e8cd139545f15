"""Calls: a stateful, Record-Routing, forking proxy (RFC 3261 section 16), and the plan by which it rings."""
