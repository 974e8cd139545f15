"""What clients use beside XMPP, such as relays for the media of calls: where it is, and with what credentials."""
