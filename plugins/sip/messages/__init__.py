"""Instant messages, typing notices and notifications: MESSAGE."""
