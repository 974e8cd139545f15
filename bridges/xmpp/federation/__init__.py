"""XMPP with other domains: servers that prove whose people they speak for (RFC 6120)."""
