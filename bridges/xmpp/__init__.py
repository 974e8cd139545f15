"""XMPP: clients sign in, keep their rosters, chat and meet in rooms."""
