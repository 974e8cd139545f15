"""Rosters, subscriptions, and who is shown whose presence (RFC 6121)."""
