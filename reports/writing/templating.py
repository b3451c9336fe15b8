"""The templates of HTML pages; all that is put into them is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.text import html

FOLDER = Path(__file__).parent.parent / "templates"


def fill(template: str, **values: Any) -> str:
    """A template's text with values in it; a value that is missing is an error."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = html
    environment.filters["css"] = _css_string
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment


def _css_string(text: str) -> Markup:
    """A text as a string of a style sheet, where HTML's own escapes are not understood."""
    return Markup('"' + "".join(c if c.isalnum() or c in " ·:.-" else f"\\{ord(c):06x}" for c in text) + '"')
