"""The command `hereabouts`: one module for each subject."""

from .main import main

__all__ = ["main"]
