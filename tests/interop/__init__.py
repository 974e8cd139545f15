"""The XMPP interoperability suite, which asks a server for what the specifications say."""
