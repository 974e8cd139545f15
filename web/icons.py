"""The presence icons: original drawings, made as SVG text.  Shape says how reachable somebody is; colour repeats it."""

from __future__ import annotations

import enum
from html import escape
from typing import NamedTuple

from ..core.presence import Activity, Availability, PresenceDocument

SIZES = (8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128)
"""Pixels a drawing may be asked for in."""
MICRO = 12
"""Up to this size the glyphs inside vanish and the lines grow heavier."""


class Theme(enum.StrEnum):
    """The page below the icon; AUTO follows the reader's own choice."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class Palette(NamedTuple):
    """Colours with a contrast of at least 3:1 against the page (WCAG 2.2, 1.4.11) and the glyphs inside them."""

    green: str
    red: str
    crimson: str
    amber: str
    violet: str
    grey: str
    glyph: str


LIGHT = Palette("#15803d", "#d0313f", "#9f1239", "#b45d04", "#7c3aad", "#667080", "#ffffff")
DARK = Palette("#4cd787", "#ff7b7b", "#ff5d78", "#fbb53c", "#c79bf7", "#a3adba", "#10151b")

# What the silhouettes are made of, on a grid of 16 by 16.  {} takes the paint.
DISC = '<circle cx="8" cy="8" r="7" {}/>'
SQUARE = '<rect x="1.5" y="1.5" width="13" height="13" rx="3.5" {}/>'
OCTAGON = (
    '<path d="M5.7 1h4.6a1.4 1.4 0 0 1 1 .4l3.3 3.3a1.4 1.4 0 0 1 .4 1v4.6a1.4 1.4 0 0 1-.4 1l-3.3 3.3a1.4 1.4 0 0 1-1 '
    '.4H5.7a1.4 1.4 0 0 1-1-.4L1.4 11.3a1.4 1.4 0 0 1-.4-1V5.7a1.4 1.4 0 0 1 .4-1l3.3-3.3a1.4 1.4 0 0 1 1-.4z" {}/>'
)
DIAMOND = '<rect x="2.9" y="2.9" width="10.2" height="10.2" rx="2.3" transform="rotate(45 8 8)" {}/>'
MOON = '<path d="M6.6 1.35a.6.6 0 0 1 .68.86A5.35 5.35 0 0 0 13.8 8.7a.6.6 0 0 1 .86.68A7 7 0 1 1 6.6 1.35z" {}/>'

FULL = 'fill="var(--c)"'
WHITE = 'fill="var(--g)"'


class Look(NamedTuple):
    """How a state is drawn: its colour, its drawing, and the heavier one for the smallest sizes."""

    colour: str
    regular: str
    micro: str


def line(path: str, width: float, colour: str = "--g") -> str:
    """A stroke with round ends."""
    return (
        f'<path d="{path}" fill="none" stroke="var({colour})" stroke-width="{width}" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def outline(shape: str, width: float) -> str:
    """A silhouette as a line that stays inside the silhouette."""
    scale = round(1 - width / 14, 3)
    paint = f'fill="none" stroke="var(--c)" stroke-width="{round(width / scale, 2)}"'
    inset = round(8 - 8 * scale, 2)
    return f'<g transform="translate({inset} {inset}) scale({scale})">{shape.format(paint)}</g>'


def half(shape: str, left: str) -> tuple[str, str]:
    """Idle: half of the silhouette is filled; both weights."""
    fill = f'<path d="{left}" {FULL}/>'
    return outline(shape, 1.8) + fill, outline(shape, 2.4) + fill


TICK = "M4.8 8.3l2.3 2.3 4.2-4.9"
BAR = f'<rect x="4" y="6.9" width="8" height="2.2" rx="1.1" {WHITE}/>'
HOLLOW_BAR = f'<rect x="4.4" y="6.9" width="7.2" height="2.2" rx="1.1" {FULL}/>'
HANDSET = (
    f'<path {WHITE} d="M5.2 4.1a1 1 0 0 1 1.5.2l.8 1.2a1 1 0 0 1-.1 1.2l-.4.4a5 5 0 0 0 1.9 1.9l.4-.4a1 1 0 0 1 1.2-.1'
    'l1.2.8a1 1 0 0 1 .2 1.5l-.5.6a1.7 1.7 0 0 1-1.9.4 9 9 0 0 1-5.3-5.3 1.7 1.7 0 0 1 .4-1.9z"/>'
)
TWO_PEOPLE = (
    f'<circle cx="6" cy="5.8" r="1.75" {WHITE}/>'
    f'<path {WHITE} d="M2.9 11.2a3.1 2.9 0 0 1 6.2 0 .7.7 0 0 1-.7.7H3.6a.7.7 0 0 1-.7-.7z"/>'
    f'<circle cx="10.7" cy="6.3" r="1.4" {WHITE}/>'
    f'<path {WHITE} d="M10.1 11.9h2.4a.6.6 0 0 0 .6-.6 2.6 2.5 0 0 0-3.6-2.4 4 4 0 0 1 .7 2.3 1.4 1.4 0 0 1-.1.7z"/>'
)
SCREEN = (
    f'<path {WHITE} d="M4.5 4.2h7a.9.9 0 0 1 .9.9v4.2a.9.9 0 0 1-.9.9H8.6v.9h1.1a.55.55 0 0 1 0 1.1H6.3a.55.55 0 0 1 0-'
    '1.1h1.1v-.9H4.5a.9.9 0 0 1-.9-.9V5.1a.9.9 0 0 1 .9-.9z"/>'
)
OUTWARD = "M5.7 10.3l4.5-4.5M6.8 5.5h3.7v3.7"
RETURN = "M6.2 2.7L2.7 6.2l3.5 3.5M3.1 6.2h6.3a3.65 3.65 0 0 1 0 7.3H6"
QUESTION = (
    line("M6.4 6.4a1.65 1.65 0 1 1 2.5 1.45c-.55.33-.9.65-.9 1.15", 1.35, "--c")
    + f'<circle cx="8" cy="11" r=".85" {FULL}/>'
)


def dashes(width: float, radius: float) -> str:
    """A ring of eight dashes."""
    dash = round(2 * 3.14159 * radius / 16, 3)
    return (
        f'<circle cx="8" cy="8" r="{radius}" fill="none" stroke="var(--c)" stroke-width="{width}" '
        f'stroke-dasharray="{dash}" transform="rotate(-11.25 8 8)"/>'
    )


def solid(shape: str, glyph: str = "", micro: str | None = None) -> tuple[str, str]:
    """A filled silhouette with a glyph cut out; both weights."""
    filled = shape.format(FULL)
    return filled + glyph, filled + (glyph if micro is None else micro)


LOOKS: dict[str, Look] = {
    "available": Look("green", *solid(DISC, line(TICK, 1.9), line(TICK, 2.3))),
    "available-idle": Look("green", *half(DISC, "M8 1a7 7 0 0 0 0 14z")),
    "available-oof": Look(
        "green",
        outline(DISC, 1.8) + line(TICK, 1.8, "--c"),
        outline(DISC, 2.2) + f'<circle cx="8" cy="8" r="2.4" {FULL}/>',
    ),
    "busy": Look("red", *solid(SQUARE)),
    "busy-idle": Look("red", *half(SQUARE, "M8 1.5H5A3.5 3.5 0 0 0 1.5 5v6A3.5 3.5 0 0 0 5 14.5h3z")),
    "busy-oof": Look(
        "red",
        outline(SQUARE, 1.8) + f'<rect x="5.4" y="5.4" width="5.2" height="5.2" rx="1.3" {FULL}/>',
        outline(SQUARE, 2.2) + f'<rect x="5.8" y="5.8" width="4.4" height="4.4" rx="1" {FULL}/>',
    ),
    "in-a-call": Look("red", *solid(SQUARE, HANDSET, "")),
    "in-a-meeting": Look("red", *solid(SQUARE, TWO_PEOPLE, "")),
    "do-not-disturb": Look("crimson", *solid(OCTAGON, BAR)),
    "do-not-disturb-idle": Look("crimson", outline(OCTAGON, 1.8) + HOLLOW_BAR, outline(OCTAGON, 2.2) + HOLLOW_BAR),
    "presenting": Look("crimson", *solid(OCTAGON, SCREEN, BAR)),
    "be-right-back": Look("amber", line(RETURN, 2.2, "--c"), line(RETURN, 2.7, "--c")),
    "away": Look("amber", *solid(MOON)),
    "out-of-office": Look("violet", *solid(DIAMOND, line(OUTWARD, 1.6), "")),
    "offline": Look("grey", outline(DISC, 1.8), outline(DISC, 2.4)),
    "unknown": Look("grey", dashes(1.8, 6.1) + QUESTION, dashes(2.4, 5.8)),
}

IN_A_MEETING = {Activity.IN_A_MEETING, Activity.APPOINTMENT}
OUT_OF_OFFICE = {Activity.OUT_OF_OFFICE, Activity.VACATION, Activity.HOLIDAY, Activity.PERMANENT_ABSENCE}


def icon_of(document: PresenceDocument) -> str:
    """The name of the icon that shows this document."""
    word = document.availability.word
    out = document.activity in OUT_OF_OFFICE
    match document.availability:
        case Availability.AVAILABLE | Availability.BUSY if out:
            return f"{word}-oof"
        case Availability.AWAY | Availability.BE_RIGHT_BACK if out:
            return "out-of-office"
        case Availability.BUSY if document.activity is Activity.IN_A_CALL:
            return "in-a-call"
        case Availability.BUSY if document.activity in IN_A_MEETING and not document.idle:
            return "in-a-meeting"
        case Availability.DO_NOT_DISTURB if document.activity is Activity.PRESENTING:
            return "presenting"
        case Availability.AVAILABLE | Availability.BUSY | Availability.DO_NOT_DISTURB if document.idle:
            return f"{word}-idle"
    return word


def drawing(icon: str, size: int, theme: Theme = Theme.LIGHT) -> str:
    """The icon alone, in fixed colours: for a rasteriser, which knows no CSS variables."""
    look, palette = LOOKS[icon], DARK if theme is Theme.DARK else LIGHT
    body = look.micro if size <= MICRO else look.regular
    colour: str = getattr(palette, look.colour)
    body = body.replace("var(--c)", colour).replace("var(--g)", palette.glyph)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="{size}" height="{size}">{body}</svg>'


def svg(icon: str, size: int, theme: Theme, title: str = "", note: str = "", lang: str = "en") -> str:
    """The icon as a picture that says what it means: title for pointer and screen reader, note as description."""
    look = LOOKS[icon]
    body = look.micro if size <= MICRO else look.regular
    spoken = escape(title)
    about = f"<title>{spoken}</title>" if title else ""
    about += f"<desc>{escape(note)}</desc>" if note else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="{size}" height="{size}" role="img" '
        f'xml:lang="{lang}" aria-label="{spoken}">{about}<style>{_style(look.colour, theme)}</style>{body}</svg>'
    )


def _style(colour: str, theme: Theme) -> str:
    light, dark = (f"svg{{--c:{getattr(p, colour)};--g:{p.glyph}}}" for p in (LIGHT, DARK))
    rules = {Theme.LIGHT: light, Theme.DARK: dark}.get(theme) or f"{light}@media(prefers-color-scheme:dark){{{dark}}}"
    return rules + "@media(forced-colors:active){svg{--c:CanvasText;--g:Canvas}}"
