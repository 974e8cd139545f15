"""XMPP: clients sign in, keep their rosters, chat and meet in rooms."""

from .plugin import XmppBridge

plugin = XmppBridge
