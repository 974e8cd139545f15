"""Bridges: one foreign world each."""
