"""Tests of conferences in SIP."""
