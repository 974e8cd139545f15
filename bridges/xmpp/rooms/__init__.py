"""Conferences as rooms (XEP-0045)."""
