"""Readers of what strangers send, given whatever comes to a fuzzer's mind: ``python -m hereabouts.tests.fuzz.uri``."""
