"""The web: badges, pages and the HTTP API."""

from .server import WebServer

plugin = WebServer
