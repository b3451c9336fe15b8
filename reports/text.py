"""Text of a report: plain words with `code` between backticks, as Markdown and HTML; numbers in one form."""

from __future__ import annotations

import json
import math
import re
import textwrap
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from benchmark.plurals import noun as noun
from benchmark.plurals import plural as plural
from reports.stats import Interval

MINUS = "−"


# What Markdown would read as emphasis, a link or a table border; brackets and underscores inside words are harmless.
SPECIAL = re.compile(r"([\\*`|]|(?<=\])[(\[:]|\[(?=\^)|(?<!\w)_|_(?!\w))")
BREAKS = re.compile(r"([._/])(?=[a-zA-Z])")


def spans(text: str) -> list[tuple[str, bool]]:
    """The pieces of a text, and which of them are code; an odd backtick is a character, not code."""
    parts = text.split("`")
    return [(part, index % 2 == 1) for index, part in enumerate(parts)] if len(parts) % 2 else [(text, False)]


def markdown(text: str) -> str:
    """Plain text as Markdown that shows just it: special characters escaped, line breaks made spaces, `code` kept."""
    out = []
    for part, code in spans(" ".join(text.split())):
        if code:
            out.append("`" + part.replace("|", r"\|") + "`")
        else:
            out.append(SPECIAL.sub(r"\\\1", part).replace("<", "&lt;").replace(">", "&gt;"))
    return "".join(out)


def html(text: str) -> Markup:
    """Plain text as HTML: everything escaped, `code` between backticks in a code element.

    A line may break in code after a dot, an underscore or a slash, as in the name of a setting.
    """
    pieces = [
        Markup("<code>{}</code>").format(Markup(BREAKS.sub(r"\1<wbr>", str(escape(part))))) if code else escape(part)
        for part, code in spans(text)
    ]
    return Markup("").join(pieces)


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere; the address is relative to the report's folder."""

    text: str
    href: str

    def to_markdown(self) -> str:
        """`[text](href)`."""
        return f"[{markdown(self.text)}]({self.href.replace(' ', '%20').replace(')', '%29')})"


def number(value: float, digits: int = 3) -> str:
    """A fixed number of decimals, a true minus sign, no negative zero; "–" for a value that is not a number."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign, for differences."""
    text = number(value, digits)
    return text if text.startswith((MINUS, "–")) or float(text) == 0.0 else f"+{text}"


def interval(bounds: Interval | None, digits: int = 3, sign: bool = False) -> str:
    """`[low, high]`, or "–" where it is undefined."""
    if bounds is None:
        return "–"
    show = signed if sign else number
    return f"[{show(bounds.low, digits)}, {show(bounds.high, digits)}]"


def duration(seconds: float) -> str:
    """Seconds in the two largest units that matter: `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    if whole < 10:
        return f"{seconds:.1f} s"
    for name, size, below, below_size in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = (whole % size) // below_size
            return f"{whole // size} {name} {rest} {below}" if rest else f"{whole // size} {name}"
    return f"{whole} s"


def count(value: float) -> str:
    """A whole number with thin spaces between thousands; "–" for a value that is not a number."""
    return f"{round(value):,}".replace(",", "\u202f") if math.isfinite(value) else "–"


def in_words(name: str) -> str:
    """A metric's name for readers: `episode_return` is an episode return."""
    return name.replace("_", " ")


def plain_value(value: Any) -> str:
    """A setting's value as it stands in a configuration file: words as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def listed(items: list[str]) -> str:
    """`a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def wrapped(label: str, width: int = 19) -> str:
    """A label in lines of about so many characters, for an axis or a legend."""
    return "\n".join(textwrap.wrap(label, width, break_long_words=False))
