"""Plugins: one capability each."""
