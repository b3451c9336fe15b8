"""What could stand at the cursor, and that real shells are told so."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from benchmark.cli.completion import answer, candidates, script
from benchmark.cli.verbs import SHELLS, VERBS
from tests.toy import Toy


def offered(toy: Toy, line: str) -> list[str]:
    """Candidates at the bar in a command line, for the toy's configurations."""
    head, _, tail = line.partition("|")
    before, word = head.split(" ")[:-1], head.split(" ")[-1]
    return candidates(["--configs", str(toy.configs), *filter(None, before)], word, tail.split())


def test_verbs_options_and_their_values(toy: Toy) -> None:
    assert offered(toy, "st|") == ["status"]
    assert set(VERBS) < set(offered(toy, "|"))
    assert offered(toy, "logs --st|") == ["--stage"]
    assert "--mode" not in offered(toy, "why --|")
    assert offered(toy, "plan --json --j|") == [], "it is there already"
    assert offered(toy, "--grid t|") == ["three", "toy"]
    assert offered(toy, "--mode |") == ["cached", "retry", "force"]
    assert offered(toy, "logs --stage |") == ["play", "study", "inspect", "practise", "exam"]
    assert offered(toy, "completion |") == list(SHELLS)
    assert offered(toy, "data |") == ["nethack"]
    assert offered(toy, "data nethack --nld|") == ["--nld-aa", "--nld-nao"]


def test_cells_part_by_part_of_the_grid_wherever_it_is_named(toy: Toy) -> None:
    assert offered(toy, "why --grid toy |")[:2] == ["north/", "far-south/"]
    assert offered(toy, "why no| --grid toy") == ["north/"]
    assert offered(toy, "why --grid toy north/taught|") == ["north/taught/", "north/taught_less/"]
    assert offered(toy, "trace --grid toy north/plain/|") == ["north/plain/0", "north/plain/1"]
    assert offered(toy, "--grid wide --only w|") == ["west/"]
    assert offered(toy, "why --grid nowhere no|") == ["north/"]


def test_changes_and_their_values(toy: Toy) -> None:
    assert offered(toy, "--grid toy tea|") == ["teacher_seeds="]
    assert offered(toy, "--grid toy executor=l|") == ["executor=local"]
    assert offered(toy, "--grid toy methods=[plain,ta|") == ["methods=[plain,taught", "methods=[plain,taught_less"]
    assert offered(toy, "clean see|") == []


def test_a_shell_sends_its_line_and_bash_gets_only_what_it_replaces() -> None:
    line = "python run_all.py --grid demo executor=sl --only 'rtfm"
    assert answer(["zsh", line, str(line.index("sl ") + 2)]) == "executor=slurm"
    assert answer(["bash", line, str(line.index("sl ") + 2)]) == "slurm"
    assert answer(["fish", line, str(len(line))]) == "rtfm-s1/"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_lines_for_a_shell_are_understood_by_it(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([program, "-n"], input=script(shell), text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes_a_verb() -> None:
    lines = f"""{script("bash")}
    compopt() {{ :; }}
    COMP_LINE="python run_all.py stat" COMP_POINT=22 COMP_WORDS=(python run_all.py stat) COMP_CWORD=2
    _ldd_bench_python
    echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", lines], text=True, capture_output=True)
    assert (done.stdout, done.stderr) == ("status\n", "")
