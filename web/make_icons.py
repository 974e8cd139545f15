"""Draws the icons as PNG files into static/icons: a tool for whoever changes icons.py, never needed by the server.

python -m hereabouts.web.make_icons        (needs resvg-py: pip install hereabouts[icons])
"""

from __future__ import annotations

from pathlib import Path

import resvg_py

from .icons import LOOKS, Theme, drawing
from .pictures import PNG_SIZES, png_name

FOLDER = Path(__file__).parent / "static" / "icons"


def main() -> None:
    """Every icon in every size, on light and on dark ground."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    for icon in LOOKS:
        for size in PNG_SIZES:
            for theme in (Theme.LIGHT, Theme.DARK):
                picture = resvg_py.svg_to_bytes(svg_string=drawing(icon, size, theme), width=size, height=size)
                (FOLDER / png_name(icon, size, theme)).write_bytes(bytes(picture))


if __name__ == "__main__":
    main()
