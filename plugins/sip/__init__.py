"""SIP: phones and softphones sign in, watch each other and write messages."""

from .plugin import SipTransport

plugin = SipTransport
