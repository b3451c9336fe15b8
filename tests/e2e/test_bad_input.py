"""Wrong invocations and the one line that each of them gets; `python -m tests.e2e.test_bad_input` prints the table.

Run on the project's own configurations, so that the lines are those that a user sees. Where a line ends by listing all
valid names, the expectation ends with `…`: a new environment or method should not break this file.
"""

# ruff: noqa: E501 - an invocation and its line stand side by side
from __future__ import annotations

import contextlib
import io
import shlex
from pathlib import Path

import pytest

import run_all

LINES = {
    # the command itself
    "": "--grid is missing; name a file of configs/grid/, such as --grid demo",
    "--gird demo": "unrecognized arguments: --gird; did you mean --grid? (see --help)",
    "pln --grid demo": "unknown verb 'pln'; did you mean 'plan'? (verbs: …",
    "run plan --grid demo": "two verbs, 'run' and 'plan'; give one",
    "status --grid demo --mode retry": "--mode is for run, and means nothing to 'status'; drop it",
    "clean --grid demo": "--grid is for run, plan, status, why, logs, retry, report, check, trace, export and sync, and means nothing to 'clean'; drop it",
    "plan rtfm-s1/ldd --grid demo": "'rtfm-s1/ldd' means nothing to 'plan'; choose cells by --only 'rtfm-s1/ldd' (changes are …",
    "why --grid demo": "why needs a cell, such as python run_all.py why rtfm-s1/ldd/0 --grid demo",
    "why rtfm-s1/lddd/0 --grid demo": "'rtfm-s1/lddd/0' matches none of the 18 cells of 'demo'; did you mean 'rtfm-s1/ldd/0'?",
    "retry rtfm-s1/lddd --grid demo": "'rtfm-s1/lddd' matches none of the 18 cells of 'demo'; did you …",
    "logs rtfm-s1/ldd --grid demo": "'rtfm-s1/ldd' is 3 cells, and logs shows one; name it, such as rtfm-s1/ldd/0",
    "logs rtfm-s1/ldd/0 --grid demo --stage polcy": "unknown stage 'polcy'; did you mean 'policy'? (valid: …",
    "logs rtfm-s1/ldd/0 --grid demo --stage policy": "policy rtfm-s1/ldd/0 has no log yet; `why rtfm-s1/ldd/0` says what it waits for",
    "logs rtfm-s1/ldd/0 --grid demo -f --json": "--follow and --json contradict each other; drop one",
    "trace 0.734 --grid demo": "no result of grid 'demo' is printed as 0.734: nothing is done yet",
    "trace 0.1 0.2 --grid demo": "trace takes one word, not 2: 0.1 0.2; drop all but one",
    "completion tcsh": "completion prints the lines for bash, zsh, fish; name one, not 'tcsh'",
    "clean --root /nowhere": "--root /nowhere is not there; name the folder of the runs",
    "doctor seeds=3": "'seeds=3' means nothing to 'doctor', which takes tracking.uri=… only; drop it",
    "clean seeds=3": "'seeds=3' means nothing to 'clean'; drop it",
    "plan --grid demo --budget 40": "--budget is '40', expected a time such as 40h, 90m or 2d",
    "--grid demo --detach executor=inline": "--detach needs jobs that go on alone, and executor=inline computes in this process; add executor=local",
    "--grid demo --dry-run --mode force": "--dry-run computes nothing and contradicts --mode force; drop one",
    "--grid demo --mode redo": "argument --mode: invalid choice: 'redo' (choose from …",
    "--grid demo --json": "--json is for plan, status, why, logs, check, trace, clean and doctor, and means nothing to 'run'; drop it",
    # the grid
    "--grid dmo": "unknown grid 'dmo'; did you mean 'demo'? (valid: …",
    "--grid demo envs=[rtfm_s9]": "unknown environment 'rtfm_s9'; did you mean 'rtfm_s4'?",
    "--grid demo envs=[]": "envs is empty, expected at least one of …",
    "--grid demo envs=rtfm_s1": "the command line: envs is 'rtfm_s1', expected a list; write envs=[rtfm_s1]",
    "--grid demo env=rtfm_s1": "env=rtfm_s1: a grid has several; choose them with envs=[rtfm_s1]",
    "--grid demo methods=[lddd]": "unknown method 'lddd'; did you mean 'ldd'? (valid: …",
    "--grid demo methods=[ldd,ldd]": "methods contains 'ldd' twice; give it once",
    "--grid demo seeds=0": "seeds is 0, expected a positive count (seeds=5) or a list (seeds=[0,3])",
    "--grid demo seeds=[0,0]": "seeds contains 0 twice; give it once",
    "--grid demo seeds=[-1]": "seeds contains -1, expected whole numbers from 0",
    "--grid demo seeds=three": "the command line: seeds is 'three', expected a list or a whole number",
    "--grid demo seeds=0,1": "'seeds=0,1': a list is written in brackets: seeds=[0,1]",
    "--grid demo teacher_seeds=9": "teacher_seeds is 9, expected null or 1 to 3, the number of seeds",
    "--grid demo name=../../x": "name is '../../x', expected letters, digits and any of _ . - (no dot first): it names a folder",
    "--grid demo name=.x": "name is '.x', expected …",
    "--grid demo preset=dem": "unknown preset 'dem'; did you mean 'demo'? (valid: …",
    "--grid demo --only 'messenger*/lddd'": "--only 'messenger*/lddd' matches none of the 18 cells of 'demo'; did you …",
    "--grid demo --only a/b/c/d": "--only 'a/b/c/d': expected environment/method/seed, wildcards allowed, as in …",
    # values
    "--grid demo learner.lrr=1": "the command line: unknown key 'learner.lrr'; did you mean 'learner.lr'?",
    "--grid demo lr=0.1": "the command line: unknown key 'lr'; did you mean 'inverse.lr' or 'learner.lr' or 'pretraining.lr'?",
    "--grid demo learner.lr=fast": "the command line: learner.lr is 'fast', expected a number, such as 0.0005",
    "--grid demo learner.lr=-1": "the command line: learner.lr is -1.0, expected more than 0",
    "--grid demo learner.frames=1.5": "the command line: learner.frames is 1.5, expected a whole number, such as 100000000",
    "--grid demo learner.optimiser=adm": "the command line: learner.optimiser is 'adm', expected one of rmsprop, adam; "
    "did you mean 'adam'?",
    "--grid demo learner.rmsprop=3": "the command line: learner.rmsprop is a section, expected one of its keys: …",
    "--grid demo learner.lr=1 learner.lr=2": "learner.lr is given twice, as 1 and as 2; give it once",
    "--grid demo network=multi_smal": "unknown network 'multi_smal'; did you mean 'multi_small'? (valid: …",
    "--grid demo netwrok=multi_small": "the command line: unknown key 'netwrok'; did you mean 'network'?",
    "--grid demo network.channels=[16,a]": "the command line: network.channels[1] is 'a', expected a whole number",
    "--grid demo +learner.foo=1": "'+learner.foo=1': keys are changed, never added or removed; write learner.foo=value",
    "--grid demo learner.lr=[1,": "'learner.lr=[1,': the value is not understood (…",
    "--grid demo =3": "'=3' is not understood; expected key=value, such as seeds=5 (see --help)",
    "--grid demo network.channels=[]": "the command line: network.channels is [], expected at least 1 element",
    "--grid demo network.channels=[16,0]": "the command line: network.channels[1] is 0, expected at least 1",
    "--grid demo demonstrations.episodes=1": "the command line: demonstrations.episodes is 1, expected at least 2",
    "--grid demo envs=[messenger_s1] env.options.board=4": "the command line, for messenger_s1: env.options.board is 4, expected at least 5",
    "--grid demo envs=[messenger_s1] env.options.entities=7": "the command line, for messenger_s1: env.options.entities is 7, "
    "expected one of 6, 12",
    # paths
    "--grid demo messenger.data_dir=texts": "the command line: messenger.data_dir is 'texts', expected an absolute path or "
    "package:NAME/path, such as /…",
    "--grid demo envs=[messenger_s1] env.options.tokenizer_files=package:a/b": "the command line, for messenger_s1: "
    "env.options.tokenizer_files is 'package:a/b', expected an absolute path",
    "--grid messenger network.encoder_files=../bert": "the command line: network.encoder_files is '../bert', expected an absolute …",
    "--grid demo envs=[messenger_s1] preset=null env.options.wording=human messenger.data_dir=/nowhere": "env=messenger_s1 "
    "method=tabula_rasa: messenger.data_dir is /nowhere, so /nowhere/text_train.json is read, which is not there; set "
    "messenger.data_dir to a folder that has text_train.json",
    "--grid nethack nethack.player=nld-aa nethack.index=/nowhere": "env=nethack_score method=tabula_rasa: nethack.index is "
    "/nowhere, so /nowhere/games.json is read, which is not there; set nethack.index to a folder that has games.json",
    # values that contradict each other
    "--grid demo learner.batches=7": "env=messenger_s1 method=tabula_rasa: learner.num_envs is 96, expected a multiple of "
    "learner.batches (7): each of a rollout's updates takes num_envs / batches of its columns",
    "--grid demo method.distill=0.5": "env=messenger_s1 method=tabula_rasa: method.distill is 0.5, expected 0 where "
    "method.pretrain is none: without pretraining there is no teacher; choose other methods with methods=[...]",
    "--grid demo method.initialise=true": "env=messenger_s1 method=tabula_rasa: method.initialise is true, expected false …",
    "--grid demo methods=[ldd_init_only] method.initialise=false": "env=messenger_s1 method=ldd_init_only: method.distill is 0.0, "
    "expected more than 0 where method.pretrain is dynamics and method.initialise is false and method.shaping is 0.0: a teacher …",
    "--grid demo methods=[vae] method.distill=1": "env=messenger_s1 method=vae: method.distill is 1.0, expected 0 where "
    "method.pretrain is vae: an autoencoder only initialises",
    "--grid demo methods=[inverse_rl] method.initialise=false": "env=messenger_s1 method=inverse_rl: method.initialise is false, "
    "expected true where method.pretrain is inverse_bc: a cloned policy only initialises",
    "--grid demo methods=[ldd] method.checkpoint=0.5": "env=messenger_s1 method=ldd: method.checkpoint is 0.5, expected 1.0 where "
    "method.demos is expert: the share of a run matters where its policy demonstrates (demos checkpoint)",
    "--grid demo methods=[ldd] learner.shaping_reward=near": "the command line: learner.shaping_reward is 'near', expected one of "
    "distance, likelihood, literal, agreement",
    "--grid demo split=tun": "the command line: split is 'tun', expected one of final, tune; did you mean 'tune'?",
    "--grid demo messenger.data_dir=/texts": "env=messenger_s1 method=tabula_rasa: env.options.data_dir is /texts, expected "
    "package:messenger/envs/texts where env.options.wording is plain: read with env.options.wording=human only",
    "--grid demo env.options.tokenizer_files=/vocab.txt": "env=messenger_s1 method=tabula_rasa: env.options.tokenizer_files is "
    "/vocab.txt, expected null where env.options.tokenizer is words: a closed vocabulary reads no file; …",
    "--grid messenger network.encoder_files=/bert": "env=messenger_s2 method=tabula_rasa: network.encoder_files is /bert, expected "
    "null where network.encoder is learned: …",
    "--grid messenger network.encoder=bert-base-uncased env.options.tokenizer=bert-base-uncased": "env=messenger_s2 "
    "method=tabula_rasa: network.encoder_files is null, expected anything but null where network.encoder is bert-base-uncased: "
    "fetch its config.json and model.safetensors from huggingface.co, on any machine, into one folder, and name that folder",
    "--grid messenger env.options.vocabulary=stage": "env=messenger_s2 method=tabula_rasa: env.options.vocabulary is stage, "
    "expected family where env.id is messenger-s2 and env.curriculum is messenger_s1_emma: …",
    "--grid messenger learner.minibatches=3": "env=messenger_s2 method=tabula_rasa: learner.minibatches is 3, expected a divisor "
    "of learner.unroll × learner.num_envs (2048): the steps of an unroll are cut into minibatches of one size",
    "--grid demo envs=[messenger_official] preset=null methods=[ldd]": "env=messenger_official method=ldd: method.demos is expert, "
    "expected random or checkpoint where env.id is messenger-official-s1 and method.pretrain is dynamics: the original has no …",
    "--grid demo network=emma_small": "env=messenger_s1 method=tabula_rasa: env.options.view is silg, expected emma where "
    "network.name is emma: EMMA reads frames and sentences; choose its network, learner and view together, as in "
    "configs/env/messenger_s1_emma.yaml",
    "--grid messenger envs=[messenger_s2] env.curriculum=messenger_s2": "environments need each other's stages in a circle: "
    "messenger_s2 -> messenger_s2; set env.curriculum of one to null",
    # searches, tuned values, diagnostics
    "--grid tune methods=[ldd]": "configs/grid/tune.yaml: search: vae is not among methods; add it to them, or choose cells by --only",
    "--grid tune method.distill=0.5": "the command line: method.distill is set, but configs/grid/tune.yaml: search.ldd tries several; "
    "drop one of the two",
    "--grid demo tuned=dmo": "unknown tuned file 'dmo'…",
    "--grid demo tuned=3": "the command line: tuned is 3, expected a word or null",
    "--grid demo diagnostics=[prob]": "configs/config.yaml: diagnostics: unknown stage 'prob'; did you mean 'probe'? (valid: …",
    # how to compute
    "--grid demo executor=lokal": "unknown executor 'lokal'; did you mean 'local'? (valid: …",
    "--grid demo executor.workers=0": "executor=local: executor.workers is 0, expected at least 1",
    "--grid demo executor.wokers=2": "executor=local: unknown key 'executor.wokers'; did you mean 'executor.workers'? …",
    "--grid demo executor=inline executor.workers=2": "executor=inline: unknown key 'executor.workers' (valid: …",
    "--grid demo --root /etc/passwd": "--root /etc/passwd is a file, expected a folder; choose another --root",
    "why rtfm-s1/ldd/0 --grid demo --root /etc/passwd": "--root /etc/passwd is a file, expected a folder; choose another --root",
    "clean --root /etc/passwd": "--root /etc/passwd is a file, expected a folder; choose another --root",
    "--grid demo --root /proc/runs": "--root /proc/runs cannot be made (No such file or directory); choose another --root",
}


def said(invocation: str) -> tuple[int, str]:
    """The exit code and what stands on stderr."""
    errors, output = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
        code = run_all.main(shlex.split(invocation))
    assert output.getvalue() == ""
    return code, errors.getvalue()


@pytest.mark.parametrize("invocation", LINES)
def test_bad_input_gets_one_line_and_writes_nothing(
    invocation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, errors = said(invocation)
    assert code == 2
    assert errors.count("\n") == 1
    line, expected = errors.removesuffix("\n"), f"run_all: {LINES[invocation]}"
    if expected.endswith("…"):
        assert line.startswith(expected.removesuffix("…"))
    else:
        assert line == expected
    assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    print("| `python run_all.py …` | what the user sees (exit 2) |\n|---|---|")
    for words in LINES:
        print(f"| `{words or '(nothing)'}` | {said(words)[1].strip()} |")
