"""Pages: templates that escape whatever they are given, and headers that let a page load nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from .answers import NOSNIFF
from .languages import Language

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = NOSNIFF | {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}


class Pages:
    """The templates of web/templates; ``static`` is the address of each file in web/static."""

    def __init__(self, static: Mapping[str, str]) -> None:
        self._templates = Environment(
            loader=PackageLoader(__package__ or "", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["static"] = static

    def page(self, template: str, language: Language, status: int = 200, **values: object) -> web.Response:
        """A page in somebody's language."""
        text = self._templates.get_template(template).render(lang=language.value, **values)
        headers = HEADERS | {"Content-Language": language.value}
        return web.Response(text=text, status=status, content_type="text/html", headers=headers)
