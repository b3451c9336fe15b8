"""Text as LaTeX, in characters that every pdflatex knows."""

from __future__ import annotations

import re
import unicodedata

from reports.text import spans

GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma tau"
GREEK += " upsilon phi chi psi omega"
CAPITALS = {"Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi"}
CAPITALS |= {"Ψ": "Psi", "Ω": "Omega"}

CHARACTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$", '"': "''", "`": r"\`{}",
    "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$",
    "÷": r"$\div$", "≥": r"$\geq$",
    "≤": r"$\leq$", "≠": r"$\neq$", "≈": r"$\approx$", "≡": r"$\equiv$", "∞": r"$\infty$", "√": r"$\surd$",
    "∈": r"$\in$", "→": r"$\rightarrow$", "←": r"$\leftarrow$", "↔": r"$\leftrightarrow$", "↑": r"$\uparrow$",
    "↓": r"$\downarrow$", "⇒": r"$\Rightarrow$", "†": r"$\dagger$", "‡": r"$\ddagger$", "§": r"\S{}", "°": r"$^\circ$",
    "²": "$^2$", "³": "$^3$", "–": "--", "—": "---", "…": r"\ldots{}", "•": r"$\bullet$", "●": r"$\bullet$",
    "○": r"$\circ$", "✓": r"$\surd$", "✗": r"$\times$", "‘": "`", "’": "'", "“": "``", "”": "''", "µ": r"$\mu$",
    "\u00a0": "~", "\u2009": r"\,", "\u202f": r"\,", "\u2011": "-", "\u200b": "{}", "ß": r"\ss{}", "ø": r"\o{}",
    "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ł": r"\l{}", "Ł": r"\L{}",
    **{chr(0x3B1 + place): rf"$\{name}$" for place, name in enumerate(GREEK.split())}, "ο": "o",
    **{letter: rf"$\{name}$" for letter, name in CAPITALS.items()},
}  # fmt: skip
"""What stands for a character that pdflatex would not show as it is."""

ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
"""Combining character -> the letter of LaTeX's command for it."""

BREAKS = re.compile(r"(?<=[/=.,:])(?=\w)|(?<=_)(?=[^\W_])")
"""Where a long word without spaces (a path, a setting) may be broken."""

LONG_WORD = 24


def escaped(text: str) -> str:
    """Plain text as LaTeX that shows just it, `code` in typewriter; a character that no font has is its `[U+4E2D]`."""
    return "".join(rf"\texttt{{{_words(part)}}}" if code else _words(part) for part, code in spans(text))


def _words(text: str) -> str:
    return "".join(_word(word) for word in re.split(r"(\s+)", text))


def _word(word: str) -> str:
    if word.isspace() and word not in CHARACTERS:
        return " "
    word = re.sub("-(?=-)", "-\u200b", word)  # two hyphens, as in `--grid`, are no dash
    parts = BREAKS.split(word) if len(word) > LONG_WORD else [word]
    return r"\allowbreak{}".join("".join(map(_character, part)) for part in parts)


def _character(character: str) -> str:
    if character in CHARACTERS:
        return CHARACTERS[character]
    if character.isascii() and character.isprintable():
        return character
    plain = unicodedata.normalize("NFD", character)
    if len(plain) == 2 and plain[0].isascii() and plain[1] in ACCENTS:
        return rf"\{ACCENTS[plain[1]]}{{{plain[0]}}}"
    return f"[U+{ord(character):04X}]"
