"""SIP with other domains: servers that prove by certificate whose people they speak for."""
