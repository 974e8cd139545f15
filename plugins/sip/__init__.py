"""SIP: phones and softphones sign in, watch each other and write messages."""
