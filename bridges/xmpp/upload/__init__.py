"""Files that people share: room for one is asked for by IQ, and it comes and goes by HTTP (XEP-0363)."""
