"""What XMPP looks like: bytes, elements, addresses.  No socket, no clock."""
