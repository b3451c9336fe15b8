"""Shell completion: the lines that a shell is told once, and what could stand at the cursor. Reads only small files.

argcomplete would complete `python run_all.py` only after a global activation on the user's machine, and what shtab
writes down once cannot know cells; with the verbs as data, what is left to do is short.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmark.cli.verbs import DATA, EVERYWHERE, OPTIONS, SHELLS, SHORT, VERBS, Verb
from benchmark.provenance import PROJECT

WORD = "__complete"  # `run_all.py __complete SHELL LINE CURSOR`, which the shells' lines call
_REPEATED = ("--only",)
_PYTHONS = "python python3 python3.11"

_BASH = """\
_ldd_bench() {{
    local IFS=$'\\n'
    COMPREPLY=($({call} bash "$COMP_LINE" "$COMP_POINT" 2>/dev/null))
    [[ "${{COMPREPLY[0]}}" == *[/=,[] ]] && compopt -o nospace
}}
_ldd_bench_python() {{
    COMPREPLY=()
    [[ "${{COMP_WORDS[1]}}" == *run_all.py ]] && _ldd_bench
}}
complete -o default -F _ldd_bench run_all.py ./run_all.py
complete -o bashdefault -o default -F _ldd_bench_python {pythons}
"""
_ZSH = """\
(( $+functions[compdef] )) || {{ autoload -Uz compinit; compinit; }}
_ldd_bench() {{
    local -a found
    found=(${{(f)"$({call} zsh "$BUFFER" "$CURSOR" 2>/dev/null)"}})
    (( $#found )) || {{ _files; return; }}
    compadd -S '' -- ${{(M)found:#*[/=,\\[]}}
    compadd -- ${{found:#*[/=,\\[]}}
}}
_ldd_bench_python() {{
    if [[ "$words[2]" == *run_all.py ]]; then _ldd_bench; else _python "$@" 2>/dev/null || _files; fi
}}
compdef _ldd_bench run_all.py ./run_all.py
compdef _ldd_bench_python {pythons}
"""
_FISH = """\
function __ldd_bench
    {call} fish (commandline -p | string collect) (string length -- (commandline -cp | string collect)) 2>/dev/null
end
complete -c run_all.py -f -a '(__ldd_bench)'
complete -c run_all.py -l root -r -F
for python in {pythons}
    complete -c $python -n "string match -q '*run_all.py *' -- (commandline -cp)" -f -a '(__ldd_bench)'
end
"""
_SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """The lines for a shell's start-up file."""
    call = " ".join(shlex.quote(str(word)) for word in (sys.executable, PROJECT / "run_all.py", WORD))
    return _SHELLS[shell].format(call=call, pythons=_PYTHONS)


def answer(arguments: Sequence[str]) -> str:
    """What the shells' lines print: one candidate per line. arguments: shell, command line, place of the cursor."""
    shell, line, cursor = arguments
    before, word, after = _split(line, int(cursor))
    found = candidates(before, word, after)
    if shell == "bash":  # which replaces what stands behind these characters only
        start = max(word.rfind(sign) for sign in "=@:") + 1
        found = [one[start:] for one in found]
    return "\n".join(found)


def candidates(before: Sequence[str], word: str, after: Sequence[str] = ()) -> list[str]:
    """What the word at the cursor could become; before, after: the other words of the command, behind `run_all.py`."""
    others = [*before, *after]
    configs = _Configs(Path(_value(others, "--configs") or PROJECT / "configs"), _value(others, "--grid"))
    option = next(
        (long for long, short in SHORT.items() if before and before[-1] == short), before[-1] if before else ""
    )
    if "metavar" in OPTIONS.get(option, {}):
        return _matching(_of_option(option, word, configs), word)
    name = next((one for one in others if one in VERBS), None)
    verb = VERBS[name or "run"]
    if word.startswith("-"):
        grid = () if verb.grid == "none" else ("--grid",)
        offered = [one for one in (*grid, *verb.options, *EVERYWHERE) if OPTIONS[one]["help"] is not None]
        return _matching([one for one in offered if one not in others or one in _REPEATED], word)
    found = list(VERBS) if name is None else _targets(verb, word, configs)
    return _matching(found + (_changes(word, configs) if verb.changes else []), word)


class _Configs:
    """The names in the folder of configurations; grid: whose cells are meant, or None for all there could be."""

    def __init__(self, folder: Path, grid: str | None) -> None:
        self.folder = folder
        self.grid = {} if grid is None else self._read(f"grid/{grid.replace('-', '_')}")

    def members(self, group: str) -> list[str]:
        return sorted(path.stem for path in (self.folder / group).glob("*.yaml"))

    def presets(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "preset").glob("*/"))

    def stages(self) -> list[str]:
        return list(self._read("config").get("stages", {}))

    def environments(self) -> list[str]:
        """As cells call them."""
        files = [str(name).replace("-", "_") for name in self.grid.get("envs", self.members("env"))]
        own = [self._read(f"env/{name}").get("env", {}) for name in files]
        return [str(one["id"]) for one in own if isinstance(one, Mapping) and "id" in one]

    def methods(self) -> list[str]:
        return [str(name) for name in self.grid.get("methods", self.members("method"))]

    def seeds(self) -> list[str]:
        seeds = self.grid.get("seeds", [])
        return [str(seed) for seed in (range(seeds) if isinstance(seeds, int) else seeds)]

    def _read(self, name: str) -> dict[str, Any]:
        import yaml

        path = self.folder / f"{name}.yaml"
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (OSError, yaml.YAMLError):
            return {}
        return content if isinstance(content, dict) else {}


def _of_option(option: str, word: str, configs: _Configs) -> Iterable[str]:
    """Values of an option; none for those that name files, which the shell knows."""
    if option == "--grid":
        return configs.members("grid")
    if option == "--only":
        return _cells(word, configs)
    if option == "--stage":
        return configs.stages()
    choices: Iterable[str] = OPTIONS[option].get("choices", ())
    return choices


def _targets(verb: Verb, word: str, configs: _Configs) -> list[str]:
    if verb.takes in ("shell", "data"):
        return list(SHELLS if verb.takes == "shell" else DATA)
    return _cells(word, configs) if verb.takes in ("cells", "cell", "what") else []


def _cells(word: str, configs: _Configs) -> list[str]:
    """The next part of environment/method/seed, as a path is completed."""
    parts = word.split("/")
    head = "".join(f"{part}/" for part in parts[:-1])
    names = [configs.environments, configs.methods, configs.seeds][len(parts) - 1] if len(parts) < 4 else list
    return [f"{head}{name}{'/' if len(parts) < 3 else ''}" for name in names()]


def _changes(word: str, configs: _Configs) -> list[str]:
    """`key=` of what changes a grid, then its values; in a list, the next of them."""
    values = {
        "envs": [f"[{name}" for name in configs.members("env")],
        "methods": [f"[{name}" for name in configs.members("method")],
        "executor": configs.members("executor"),
        "preset": [*configs.presets(), "null"],
        "tuned": [*configs.members("tuned"), "null"],
        "claims": [*configs.members("claims"), "null"],
        **{key: [] for key in ("seeds", "teacher_seeds", "name", "tracking.uri")},
    }
    key, sign, value = word.partition("=")
    if not sign:
        return [f"{name}=" for name in values]
    head, comma, _ = value.rpartition(",")
    begun = f"{key}={head}{comma}"
    return [f"{begun}{one[1:] if comma and one.startswith('[') else one}" for one in values.get(key, [])]


def _matching(found: Iterable[str], word: str) -> list[str]:
    return [one for one in found if one.startswith(word)]


def _value(words: Sequence[str], option: str) -> str | None:
    """What stands behind an option."""
    return next((value for name, value in pairwise(words) if name == option), None)


def _split(line: str, cursor: int) -> tuple[list[str], str, list[str]]:
    """The words behind `run_all.py`: before the cursor, the one that it ends, and after it."""
    head, tail = line[:cursor], line[cursor:]
    words = _words(head)
    word = "" if not words or head[-1:].isspace() else words.pop()
    start = next((index for index, one in enumerate(words) if one.endswith("run_all.py")), -1) + 1
    rest = re.match(r"\S*", tail)
    return words[start:], word, _words(tail[rest.end() if rest else 0 :])


def _words(text: str) -> list[str]:
    """A shell's words, with or without the end of the last quotation."""
    for closing in ("", "'", '"'):
        try:
            return shlex.split(text + closing)
        except ValueError:
            continue
    return text.split()
