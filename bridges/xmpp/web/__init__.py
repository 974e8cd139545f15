"""XMPP for the web: WebSocket, where to find it, and files that are shared by HTTP."""
