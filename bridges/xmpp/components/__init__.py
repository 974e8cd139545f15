"""Components (XEP-0114), both ways: we are one of somebody's server, and other people's gateways are ours."""
