"""What SIP looks like: requests, responses, header fields and URIs, as bytes and as values.  No socket, no clock."""
