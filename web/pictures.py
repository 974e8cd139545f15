"""The presence icons as PNG files: drawn beforehand by make_icons.py, read once, served from memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .icons import LOOKS, Theme

PNG_SIZES = (16, 20, 24, 32, 48, 64)
"""Pixels a PNG is drawn in; it is never scaled."""

FOLDER = Path(__file__).parent / "static" / "icons"


def png_name(icon: str, size: int, theme: Theme) -> str:
    """The file that holds an icon; AUTO is for light ground, since a PNG cannot look."""
    return f"{icon}-{size}{'-dark' if theme is Theme.DARK else ''}.png"


def all_pngs(folder: Path = FOLDER) -> Mapping[str, bytes]:
    """Every picture by the name of its file."""
    return {
        name: (folder / name).read_bytes()
        for icon in LOOKS
        for size in PNG_SIZES
        for theme in (Theme.LIGHT, Theme.DARK)
        for name in [png_name(icon, size, theme)]
    }
