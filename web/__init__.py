"""The web: badges, pages and the HTTP API."""
