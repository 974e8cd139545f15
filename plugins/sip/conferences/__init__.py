"""Conferences as SIP clients know them: a focus one can call, a roster one can watch (RFC 4353, RFC 4579)."""
