"""The whole model on tiny random parts: merge modes, padding, frozen sets, gradients, storage, importers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    BertConfig,
    LlamaConfig,
    LlamaForCausalLM,
    M2M100Config,
    MT5Config,
    PreTrainedModel,
    UMT5Config,
    XLMRobertaConfig,
)

from lingualift_training.model import Connector, ConnectorConfig, EncoderText, LinguaLiftModel, Merge
from lingualift_training.model.importers import import_langbridge, import_mindmerger, read_state
from lingualift_training.model.loading import encoder_from_config
from lingualift_training.model.merge import Sequences, positions

BOS, EOS, PAD = 1, 2, 0


def tiny_encoder(family: str = "bert") -> PreTrainedModel:
    shape = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    configs = {
        "bert": lambda: BertConfig(**shape, intermediate_size=32, max_position_embeddings=40),
        "xlm-roberta": lambda: XLMRobertaConfig(
            **shape, intermediate_size=32, max_position_embeddings=42, pad_token_id=1
        ),
        "mt5": lambda: MT5Config(vocab_size=60, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2),
        "umt5": lambda: UMT5Config(vocab_size=60, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2),
        "m2m": lambda: M2M100Config(
            vocab_size=60,
            d_model=16,
            encoder_layers=2,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            max_position_embeddings=40,
        ),
    }
    return encoder_from_config(configs[family]()).eval()


def tiny_llm(tied: bool = False) -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50,
            hidden_size=24,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            tie_word_embeddings=tied,
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
        )
    ).eval()


def tiny_model(merge: Merge | None = None, family: str = "bert", tied: bool = False) -> LinguaLiftModel:
    torch.manual_seed(3)
    return LinguaLiftModel.assemble(tiny_llm(tied), tiny_encoder(family), merge=merge or Merge("replace")).eval()


def tiny_batch(model: LinguaLiftModel, rows: list[int], extra: int = 0) -> dict[str, torch.Tensor]:
    """Problems of different lengths; ``extra`` widens the encoder's padding without changing any content."""
    lengths = [4, 9, 2]
    width = max(lengths[r] for r in rows) + extra
    encoder_ids, mask, sequences = [], [], Sequences()
    for row in rows:
        generator = torch.Generator().manual_seed(row)
        ids = torch.randint(5, 60, (lengths[row],), generator=generator).tolist()
        encoder_ids.append(ids + [1] * (width - len(ids)))
        mask.append([1] * len(ids) + [0] * (width - len(ids)))
        text = [20 + row, 21, 22][: row + 1]
        if model.merge.mode == "placeholder":
            text = [30, 49, 31]
        sequences.prompts.append(model.merge.compose(len(ids) + 2, BOS, [10, 11], text))
        sequences.targets.append([40 + row, 41, EOS])
    return {
        **sequences.tensors(PAD),
        "encoder_input_ids": torch.tensor(encoder_ids),
        "encoder_attention_mask": torch.tensor(mask),
    }


MERGES = {
    "replace": Merge("replace"),
    "concat": Merge("concat"),
    "concat text first": Merge("concat", ("bos", "text", "start", "enc", "end", "instruction")),
    "placeholder": Merge("placeholder", placeholder_id=49),
    "none": Merge("none"),
}


def test_compose_follows_the_order() -> None:
    parts = {"soft_rows": 3, "bos_id": BOS, "instruction": [10], "text": [20, 21]}
    assert MERGES["replace"].compose(**parts) == [BOS, -1, -2, -3]
    assert MERGES["concat"].compose(**parts) == [BOS, -1, -2, -3, 10, 20, 21]
    assert MERGES["concat text first"].compose(**parts) == [BOS, 20, 21, -1, -2, -3, 10]
    assert MERGES["none"].compose(**parts) == [BOS, 10, 20, 21]
    assert MERGES["placeholder"].compose(3, BOS, [10], [30, 49, 31]) == [BOS, 10, 30, -1, -2, -3, 31]
    assert Merge("replace").compose(2, None) == [-1, -2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("blend",), "unknown merge mode"),
        (("concat", ("enc", "enc")), "twice"),
        (("concat", ("text",)), "must contain 'enc'"),
        (("concat", ("start", "text", "enc", "end")), "must stand together"),
        (("none", ("enc", "text")), "must not contain enc"),
        (("placeholder",), "needs the id"),
    ],
)
def test_impossible_merges_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Merge(*arguments)
    with pytest.raises(ValueError, match="2 times"):
        MERGES["placeholder"].compose(1, None, [], [49, 49])


@pytest.mark.parametrize("name", MERGES)
def test_batch_and_padding_never_change_a_row(name: str) -> None:
    merge = MERGES[name]
    if merge.mode == "none":
        torch.manual_seed(3)
        model = LinguaLiftModel.assemble(tiny_llm(), merge=merge).eval()
    else:
        model = tiny_model(merge)
    whole = tiny_batch(model, [0, 1, 2], extra=5)
    with torch.no_grad():
        logits = model(**{**whole, "labels": None}).logits
        for row in range(3):
            alone = tiny_batch(model, [row])
            one = model(**{**alone, "labels": None}).logits[0]
            torch.testing.assert_close(one, logits[row, : len(one)], rtol=1e-4, atol=1e-5)


def test_soft_rows_reach_the_llm_as_embeddings() -> None:
    model = tiny_model()
    batch = tiny_batch(model, [0])
    embeddings = model.embed(batch["input_ids"], batch["encoder_input_ids"], batch["encoder_attention_mask"])
    states = model.encode(batch["encoder_input_ids"], batch["encoder_attention_mask"])
    soft, lengths = model.connector(states, batch["encoder_attention_mask"])
    table = model.llm.get_input_embeddings()
    expected = torch.cat([table(torch.tensor([BOS])), soft[0, : lengths[0]], table(torch.tensor([40, 41, EOS]))])
    torch.testing.assert_close(embeddings[0], expected)


def test_loss_is_the_mean_over_targets_only() -> None:
    model = tiny_model()
    batch = tiny_batch(model, [0, 1, 2])
    logits = model(**{**batch, "labels": None}).logits
    log_probabilities = logits[:, :-1].log_softmax(-1)
    labels = batch["labels"][:, 1:]
    picked = [log_probabilities[b, s, labels[b, s]] for b, s in (labels != -100).nonzero().tolist()]
    assert len(picked) == 9
    torch.testing.assert_close(model(**batch).loss, -torch.stack(picked).mean())
    torch.testing.assert_close(model(**batch, num_items_in_batch=18).loss, -torch.stack(picked).mean() / 2)


def test_positions_skip_padding() -> None:
    assert positions(torch.tensor([[0, 0, 1, 1], [1, 1, 1, 0]])).tolist() == [[0, 0, 0, 1], [0, 1, 2, 2]]


def test_generation_is_the_same_alone_and_in_a_batch() -> None:
    model = tiny_model(MERGES["concat"])
    whole = tiny_batch(model, [0, 1, 2], extra=3)
    prompt = {k: v for k, v in whole.items() if k != "labels"}
    together = model.generate(**prompt, max_new_tokens=6, min_new_tokens=6, pad_token_id=PAD)
    for row in range(3):
        one = {k: v for k, v in tiny_batch(model, [row]).items() if k != "labels"}
        alone = model.generate(**one, max_new_tokens=6, min_new_tokens=6, pad_token_id=PAD)
        assert alone[0].tolist() == together[row].tolist()


def test_missing_or_short_prefix_is_an_error() -> None:
    model = tiny_model()
    batch = tiny_batch(model, [0])
    with pytest.raises(ValueError, match="no encoder input"):
        model(batch["input_ids"], batch["attention_mask"])
    batch["encoder_attention_mask"][0, -2:] = 0
    with pytest.raises(ValueError, match="beyond the end"):
        model(**batch)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "mt5", "umt5", "m2m"])
def test_encoder_families(family: str) -> None:
    model = tiny_model(family=family)
    batch = tiny_batch(model, [0, 1])
    model.set_trainable(["connector"])
    model(**batch).loss.backward()
    assert all(p.grad is not None for p in model.connector.parameters())
    assert all(p.grad is None for p in model.encoder.parameters())


def test_frozen_sets() -> None:
    model = tiny_model()

    def trained() -> set[str]:
        return {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}

    model.set_trainable(["connector"])
    assert trained() == {"connector"}
    assert not model.llm.lm_head.weight.requires_grad
    model.set_trainable(["connector", "lm_head"])
    assert model.llm.lm_head.weight.requires_grad and not model.llm.model.norm.weight.requires_grad
    model.set_trainable(["llm"])
    assert trained() == {"llm"} and not model.llm.lm_head.weight.requires_grad
    with pytest.raises(ValueError, match="unknown parts: head"):
        model.set_trainable(["head"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="tied"):
        tiny_model(tied=True).set_trainable(["connector", "lm_head"])
    tied = tiny_model(tied=True)
    tied.set_trainable(["connector"])
    assert not tied.llm.lm_head.weight.requires_grad


def test_frozen_parts_have_no_dropout_in_training_mode() -> None:
    model = tiny_model()
    model.set_trainable(["connector"])
    model.train()
    assert not model.encoder.training and not model.llm.training and model.connector.training
    batch = tiny_batch(model, [0, 1])
    assert model(**batch).loss.item() == model(**batch).loss.item()


def test_connector_gradients_match_finite_differences_through_the_llm() -> None:
    model = tiny_model().double()
    model.set_trainable(["connector"])
    batch = tiny_batch(model, [0, 1, 2])
    model(**batch).loss.backward()
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.connector.named_parameters():
        direction = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
        step = 1e-3  # the norms of the language model compute in float32, whatever its dtype
        with torch.no_grad():
            values = []
            for sign in (1, -1):
                parameter += sign * step * direction
                values.append(model(**batch).loss.item())
                parameter -= sign * step * direction
        numeric = (values[0] - values[1]) / (2 * step)
        analytic = float((parameter.grad * direction).sum())
        assert numeric == pytest.approx(analytic, rel=5e-3, abs=2e-4), name


def test_save_and_load(tmp_path: Path) -> None:
    model = tiny_model(MERGES["concat text first"])
    model.save_pretrained(tmp_path)
    again = LinguaLiftModel.from_pretrained(tmp_path).eval()
    assert again.merge == model.merge
    batch = tiny_batch(model, [0, 1])
    torch.testing.assert_close(again(**batch).loss, model(**batch).loss, rtol=0, atol=0)


def test_sizes_must_fit() -> None:
    with pytest.raises(ValueError, match="maps 8 to 24, but the encoder gives 16"):
        LinguaLiftModel.assemble(tiny_llm(), tiny_encoder(), Connector(ConnectorConfig("linear", 8, 24)))
    with pytest.raises(ValueError, match="exactly when"):
        LinguaLiftModel.assemble(tiny_llm(), tiny_encoder(), merge=Merge("none"))


def test_encoder_text() -> None:
    text = EncoderText("query: ", "ascii", True)
    prepared, origin = text.apply_with_origin("১২ টি, 3.5")
    assert prepared == "query: 1 2 টি, 3.5"
    assert [origin[i] for i in (0, 7, 8, 9, 10)] == [-1, 0, -1, 1, 2]
    assert EncoderText("", "keep", False).apply("১২") == "১২"
    assert EncoderText("", "keep", True).apply("১২") == "১ ২"
    assert EncoderText.from_json(text.to_json()) == text
    assert EncoderText.from_json({}).apply("12") == "12"


def test_import_langbridge(tmp_path: Path) -> None:
    torch.manual_seed(0)
    llm = tiny_llm()
    state = {f"lb.lm.{k.removeprefix('model.')}": v for k, v in llm.state_dict().items() if k != "lm_head.weight"}
    state |= {"lb.lm_head.weight": llm.lm_head.weight.detach().clone()}
    state |= {
        "lb.alignment.ffn.0.weight": torch.randn(32, 16),
        "lb.alignment.ffn.0.bias": torch.randn(32),
        "lb.alignment.ffn.2.weight": torch.randn(24, 32),
        "lb.alignment.ffn.2.bias": torch.randn(24),
        "lb.alignment.enc_bos": torch.randn(24),
        "lb.alignment.enc_eos": torch.randn(24),
    }
    save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "model.safetensors")
    imported = import_langbridge(read_state(tmp_path))
    assert imported.connector.config.boundary == "both" and imported.merge.mode == "replace"
    fresh = tiny_llm()
    assert not fresh.load_state_dict(imported.llm).missing_keys
    torch.testing.assert_close(fresh.lm_head.weight, llm.lm_head.weight)
    states = torch.randn(1, 3, 16)
    hidden = torch.nn.functional.gelu(states @ state["lb.alignment.ffn.0.weight"].T + state["lb.alignment.ffn.0.bias"])
    expected = hidden @ state["lb.alignment.ffn.2.weight"].T + state["lb.alignment.ffn.2.bias"]
    soft, lengths = imported.connector(states, torch.ones(1, 3, dtype=torch.long))
    torch.testing.assert_close(soft[0, 1:4], expected[0])
    assert lengths.item() == 5
    with pytest.raises(ValueError, match="no linear or ffn alignment layer"):
        import_langbridge({"lb.alignment.latents": torch.zeros(1)})


def test_import_langbridge_linear() -> None:
    state = {
        "lb.alignment.linear.weight": torch.randn(24, 16),
        "lb.alignment.linear.bias": torch.randn(24),
        "lb.alignment.enc_eos": torch.randn(24),
    }
    connector = import_langbridge(state).connector
    assert (connector.config.type, connector.config.boundary) == ("linear", "end")


def test_import_mindmerger(tmp_path: Path) -> None:
    state = {
        "mapping.mlp.linear1.weight": torch.randn(32, 16),
        "mapping.mlp.linear1.bias": torch.randn(32),
        "mapping.mlp.linear2.weight": torch.randn(24, 32),
        "mapping.mlp.linear2.bias": torch.randn(24),
        "mapping.end_boundary": torch.randn(1, 1, 24),
    }
    torch.save(state, tmp_path / "pytorch_model.bin")
    imported = import_mindmerger(read_state(tmp_path))
    assert imported.merge.order == ("bos", "enc", "end", "text")
    states = torch.randn(1, 2, 16)
    hidden = (states @ state["mapping.mlp.linear1.weight"].T + state["mapping.mlp.linear1.bias"]).relu()
    soft, _ = imported.connector(states, torch.ones(1, 2, dtype=torch.long))
    torch.testing.assert_close(
        soft[0, :2], (hidden @ state["mapping.mlp.linear2.weight"].T + state["mapping.mlp.linear2.bias"])[0]
    )
    torch.testing.assert_close(soft[0, 2], state["mapping.end_boundary"].flatten())
    with pytest.raises(ValueError, match=r"mapping\.mlp\.linear1\.weight is missing"):
        import_mindmerger({})
    with pytest.raises(FileNotFoundError):
        read_state(tmp_path / "..")
