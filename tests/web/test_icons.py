"""The icons: told apart without colour, seen on light and dark ground, and never anything but a picture."""

from __future__ import annotations

import io
import itertools
from xml.etree import ElementTree

import pytest
import resvg_py
from PIL import Image

from ...core.presence import Activity, Availability, PresenceDocument
from ...web.icons import DARK, LIGHT, LOOKS, MICRO, SIZES, Theme, drawing, icon_of, svg
from ...web.pictures import FOLDER, PNG_SIZES, all_pngs, png_name
from ..people import ALICE
from .scripts import SCRIPTS

AVAILABILITIES = [
    "available",
    "available-idle",
    "available-oof",
    "busy",
    "busy-idle",
    "busy-oof",
    "do-not-disturb",
    "do-not-disturb-idle",
    "be-right-back",
    "away",
    "out-of-office",
    "offline",
    "unknown",
]
LEAST_DIFFERENCE = 0.12
"""How much of the ink of two icons must not overlap, so that they are told apart without colour."""


def ink(icon: str, size: int) -> list[int]:
    """How dark each pixel is when the icon is drawn black on white, at twice its size."""
    look, palette = LOOKS[icon], LIGHT
    flat = drawing(icon, size).replace(getattr(palette, look.colour), "#000").replace(palette.glyph, "#fff")
    raw = resvg_py.svg_to_bytes(svg_string=flat, width=size * 2, height=size * 2, background="#ffffff")
    return [255 - pixel for pixel in Image.open(io.BytesIO(bytes(raw))).convert("L").tobytes()]


@pytest.mark.parametrize("size", [8, 10, 16, 24])
def test_any_two_availabilities_differ_by_shape_alone(size: int):
    inks = {icon: ink(icon, size) for icon in AVAILABILITIES}
    for one, other in itertools.combinations(AVAILABILITIES, 2):
        a, b = inks[one], inks[other]
        difference = 1 - sum(map(min, a, b)) / sum(map(max, a, b))
        assert difference >= LEAST_DIFFERENCE, f"{one} and {other} look alike at {size} pixels: {difference:.2f}"


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("palette", "page"), [(LIGHT, "#ffffff"), (LIGHT, "#f3f5f8"), (DARK, "#171c24")])
def test_every_colour_is_seen_on_its_ground(palette, page: str):
    for name in ("green", "red", "crimson", "amber", "violet", "grey"):
        assert contrast(getattr(palette, name), page) >= 3, name
        assert contrast(getattr(palette, name), palette.glyph) >= 3, f"glyph on {name}"


@pytest.mark.parametrize("icon", LOOKS)
def test_every_icon_is_well_formed_in_every_size(icon: str):
    for size in SIZES:
        for theme in Theme:
            picture = ElementTree.fromstring(svg(icon, size, theme, "Title", "Note", "en"))
            assert (picture.get("role"), picture.get("aria-label")) == ("img", "Title")
            assert len(picture) > 3


def test_small_icons_have_heavier_drawings():
    assert all(LOOKS[icon].micro in svg(icon, MICRO, Theme.AUTO) for icon in LOOKS)
    assert all(LOOKS[icon].regular in svg(icon, 16, Theme.AUTO) for icon in LOOKS)


def test_a_theme_has_its_own_colours_and_auto_has_both():
    light, dark, auto = (svg("available", 16, theme) for theme in (Theme.LIGHT, Theme.DARK, Theme.AUTO))
    assert LIGHT.green in light and DARK.green not in light
    assert DARK.green in dark and LIGHT.green not in dark
    assert LIGHT.green in auto and f"prefers-color-scheme:dark){{svg{{--c:{DARK.green}" in auto


@pytest.mark.parametrize("text", [s for s in SCRIPTS if s.isprintable()])
def test_words_are_never_markup(text: str):
    picture = ElementTree.fromstring(svg("busy", 16, Theme.AUTO, text, text, "en"))
    assert picture.get("aria-label") == text
    assert [element.text for element in picture][:2] == [text, text]


def test_the_files_are_what_the_drawings_say():
    assert {file.name for file in FOLDER.glob("*.png")} == set(all_pngs())
    for icon, theme in itertools.product(LOOKS, (Theme.LIGHT, Theme.DARK)):
        for size in PNG_SIZES:
            kept = Image.open(FOLDER / png_name(icon, size, theme)).convert("RGBA")
            raw = resvg_py.svg_to_bytes(svg_string=drawing(icon, size, theme), width=size, height=size)
            drawn = Image.open(io.BytesIO(bytes(raw))).convert("RGBA")
            assert kept.size == (size, size)
            off = sum(abs(a - b) for a, b in zip(kept.tobytes(), drawn.tobytes(), strict=True)) / len(kept.tobytes())
            assert off < 2, f"{icon} at {size}: run make_icons again"


@pytest.mark.parametrize(
    ("availability", "more", "icon"),
    [
        (Availability.AVAILABLE, {}, "available"),
        (Availability.AVAILABLE, {"idle": True}, "available-idle"),
        (Availability.AVAILABLE, {"activity": Activity.VACATION}, "available-oof"),
        (Availability.AVAILABLE, {"activity": Activity.MEAL}, "available"),
        (Availability.BUSY, {}, "busy"),
        (Availability.BUSY, {"idle": True}, "busy-idle"),
        (Availability.BUSY, {"activity": Activity.OUT_OF_OFFICE}, "busy-oof"),
        (Availability.BUSY, {"activity": Activity.IN_A_CALL, "idle": True}, "in-a-call"),
        (Availability.BUSY, {"activity": Activity.APPOINTMENT}, "in-a-meeting"),
        (Availability.BUSY, {"activity": Activity.IN_A_MEETING, "idle": True}, "busy-idle"),
        (Availability.DO_NOT_DISTURB, {}, "do-not-disturb"),
        (Availability.DO_NOT_DISTURB, {"idle": True}, "do-not-disturb-idle"),
        (Availability.DO_NOT_DISTURB, {"activity": Activity.PRESENTING}, "presenting"),
        (Availability.BE_RIGHT_BACK, {"idle": True}, "be-right-back"),
        (Availability.AWAY, {"idle": True}, "away"),
        (Availability.AWAY, {"activity": Activity.OUT_OF_OFFICE}, "out-of-office"),
        (Availability.OFFLINE, {}, "offline"),
        (Availability.UNKNOWN, {}, "unknown"),
    ],
)
def test_which_icon_shows_what(availability: Availability, more: dict, icon: str):
    assert icon_of(PresenceDocument(ALICE, availability, **more)) == icon


def test_every_document_has_an_icon_and_every_icon_a_document():
    shown = {
        icon_of(PresenceDocument(ALICE, availability, activity=activity, idle=idle))
        for availability in Availability
        for activity in Activity
        for idle in (True, False)
    }
    assert shown == set(LOOKS)
