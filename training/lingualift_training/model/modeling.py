"""LinguaLIFT as one Hugging Face model: frozen multilingual encoder, alignment layer, causal language model.

LangBridge and MindMerger are settings of it: LangBridge is ``replace`` with a linear layer and an end vector,
MindMerger ``concat`` with a ReLU layer and an end vector.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from .connector import Connector, ConnectorConfig, embedding_scale
from .loading import encoder_from_config, encoder_width
from .merge import IGNORED, Merge, positions

Part = Literal["encoder", "connector", "llm", "lm_head"]


class LinguaLiftConfig(PreTrainedConfig):
    """Configuration with those of its parts embedded, so that loading needs no network and no other folder.

    Attributes:
        encoder: configuration of the encoder as a dictionary with ``model_type``; None for a text-only model.
        llm: the same of the language model.
        connector: content of ``connector.json``; None for a text-only model.
        merge: ``{"mode", "order", "placeholder_id"}``.
    """

    model_type = "lingualift"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        llm: dict[str, Any] | None = None,
        connector: dict[str, Any] | None = None,
        merge: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.llm = llm
        self.connector = connector
        self.merge = merge or {"mode": "none"}


def _sub_config(data: dict[str, Any]) -> PreTrainedConfig:
    values = dict(data)
    return AutoConfig.for_model(values.pop("model_type"), **values)


class LinguaLiftModel(PreTrainedModel):
    """Encoder + alignment layer + language model.

    ``forward`` takes sequences in the notation of :mod:`lingualift_training.model.merge` (ids below zero are soft
    rows), so the merge is decided where a batch is put together and the model only looks rows up.
    """

    config_class = LinguaLiftConfig
    base_model_prefix = "lingualift"
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = True
    _supports_sdpa = True

    def __init__(
        self,
        config: LinguaLiftConfig,
        encoder: PreTrainedModel | None = None,
        connector: Connector | None = None,
        llm: PreTrainedModel | None = None,
    ) -> None:
        """Parts that are not given are built with random weights from the configuration."""
        super().__init__(config)
        self.merge = Merge(
            config.merge["mode"], tuple(config.merge.get("order", ())), config.merge.get("placeholder_id")
        )
        if config.llm is None:
            raise ValueError("a LinguaLIFT model needs a language model")
        if self.merge.uses_encoder != (config.encoder is not None and config.connector is not None):
            raise ValueError("an encoder and an alignment layer are needed exactly when the merge mode is not 'none'")
        self.llm = llm or AutoModelForCausalLM.from_config(_sub_config(config.llm))
        if config.encoder is not None and config.connector is not None:
            self.encoder = encoder or encoder_from_config(_sub_config(config.encoder))
            self.connector = connector or Connector(ConnectorConfig.from_json(config.connector))
            sizes = self.connector.config
            width = self.llm.get_input_embeddings().weight.shape[1]
            if sizes.input_size != encoder_width(self.encoder) or sizes.output_size != width:
                raise ValueError(
                    f"the alignment layer maps {sizes.input_size} to {sizes.output_size}, but the encoder gives "
                    f"{encoder_width(self.encoder)} and the language model takes {width}"
                )
        self.trainable: frozenset[Part] = frozenset()
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Parts initialise themselves; nothing is drawn twice."""

    @classmethod
    def assemble(
        cls,
        llm: PreTrainedModel,
        encoder: PreTrainedModel | None = None,
        connector: Connector | None = None,
        merge: Merge | None = None,
    ) -> LinguaLiftModel:
        """A model from loaded parts; with an encoder and no alignment layer a new MLP is drawn."""
        merge = merge or Merge("replace" if encoder is not None else "none")
        if encoder is not None and connector is None:
            table = llm.get_input_embeddings().weight
            connector = Connector(
                ConnectorConfig("mlp", encoder_width(encoder), table.shape[1], scale=embedding_scale(table))
            )
        config = LinguaLiftConfig(
            encoder=encoder.config.to_dict() if encoder is not None else None,
            llm=llm.config.to_dict(),
            connector=connector.config.to_json() if connector is not None else None,
            merge={"mode": merge.mode, "order": list(merge.order), "placeholder_id": merge.placeholder_id},
        )
        return cls(config, encoder, connector, llm)

    # ---- what is trained

    def set_trainable(self, parts: Iterable[Part]) -> None:
        """Freezes everything but the named parts.

        ``llm`` is the body with its input embeddings, ``lm_head`` the output layer. Where the head is tied to the
        embeddings it follows ``llm``. Frozen parts stay in evaluation mode (no dropout) while the model trains.
        """
        chosen = frozenset(parts)
        if unknown := chosen - set(get_args(Part)):
            raise ValueError(f"unknown parts: {', '.join(sorted(unknown))}; choose among {get_args(Part)}")
        if chosen & {"encoder", "connector"} and not self.merge.uses_encoder:
            raise ValueError("a text-only model has no encoder and no alignment layer to train")
        head = self.llm.get_output_embeddings()
        tied = head.weight is self.llm.get_input_embeddings().weight
        if "lm_head" in chosen and "llm" not in chosen and tied:
            raise ValueError("the LM head is tied to the input embeddings of this model and cannot be trained alone")
        self.trainable = chosen
        self.requires_grad_(False)
        if "llm" in chosen:
            self.llm.requires_grad_(True)
        if not tied:
            head.requires_grad_("lm_head" in chosen)
        for name in ("encoder", "connector"):
            if name in chosen:
                getattr(self, name).requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> LinguaLiftModel:
        super().train(mode)
        for name in ("encoder", "connector", "llm"):
            module = getattr(self, name, None)
            if module is not None and not any(p.requires_grad for p in module.parameters()):
                module.eval()
        return self

    def activation_checkpointing_enable(self, *args: Any, **kwargs: Any) -> None:
        """Recomputes activations of the language model in the backward pass; the encoder keeps none while frozen."""
        self.llm.activation_checkpointing_enable(*args, **kwargs)

    def activation_checkpointing_disable(self) -> None:
        """Undoes :meth:`activation_checkpointing_enable`."""
        self.llm.activation_checkpointing_disable()

    # ---- forward

    def encode(self, encoder_input_ids: Tensor, encoder_attention_mask: Tensor) -> Tensor:
        """Encoder states ``[B, S_enc, d_enc]``; without gradient unless the encoder is trained."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and "encoder" in self.trainable):
            output = self.encoder(input_ids=encoder_input_ids, attention_mask=encoder_attention_mask)
            return cast(Tensor, output.last_hidden_state)

    def embed(
        self,
        input_ids: Tensor,
        encoder_input_ids: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        encoder_states: Tensor | None = None,
    ) -> Tensor:
        """Input embeddings ``[B, S, d_lm]`` of a sequence with soft rows.

        ``encoder_states`` (with the mask) stand in for a forward pass of the encoder, for states kept on disk.

        Raises:
            ValueError: the sequence asks for soft rows, or for rows beyond the soft prefix, that do not exist.
        """
        embeddings = self.llm.get_input_embeddings()(input_ids.clamp(min=0))
        soft_at = input_ids < 0
        if not bool(soft_at.any()):
            return cast(Tensor, embeddings)
        if encoder_attention_mask is None or (encoder_states is None and encoder_input_ids is None):
            raise ValueError("the sequence holds soft rows but no encoder input was given")
        if encoder_states is None:
            encoder_states = self.encode(cast(Tensor, encoder_input_ids), encoder_attention_mask)
        states = encoder_states.to(next(self.connector.parameters()).dtype)
        soft, lengths = self.connector(states, encoder_attention_mask)
        rows = (-1 - input_ids).clamp(min=0)
        if bool((rows.amax(1) >= lengths).logical_and(soft_at.any(1)).any()):
            raise ValueError("the sequence asks for soft rows beyond the end of the soft prefix")
        picked = soft.gather(1, rows[..., None].expand(-1, -1, soft.shape[-1]))
        return torch.where(soft_at[..., None], picked.to(embeddings.dtype), embeddings)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        encoder_input_ids: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        encoder_states: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **_: Any,
    ) -> CausalLMOutput:
        """Next-token logits, or the loss when labels are given.

        Args:
            input_ids: ``[B, S]``, ids below zero are soft rows.
            attention_mask: ``[B, S]``, 1 for real positions, soft rows and boundary vectors included.
            encoder_input_ids: ``[B, S_enc]`` right-padded.
            encoder_attention_mask: ``[B, S_enc]``.
            encoder_states: ``[B, S_enc, d_enc]``, instead of ``encoder_input_ids``.
            labels: ``[B, S]``, −100 where no loss is taken. With labels, logits are computed for the target positions
                only and returned as ``[targets, vocabulary]``; otherwise they are ``[B, S, vocabulary]``.
            num_items_in_batch: divisor of the summed loss (all targets of an optimiser step); their own number if None.
        """
        hidden = self.llm.base_model(
            inputs_embeds=self.embed(input_ids, encoder_input_ids, encoder_attention_mask, encoder_states),
            attention_mask=attention_mask,
            position_ids=positions(attention_mask),
            use_cache=False,
        ).last_hidden_state
        head = self.llm.get_output_embeddings()
        if labels is None:
            return CausalLMOutput(logits=head(hidden))
        target = labels[:, 1:]
        chosen = target != IGNORED
        logits = head(hidden[:, :-1][chosen])
        total = functional.cross_entropy(
            logits.to(torch.promote_types(logits.dtype, torch.float32)), target[chosen], reduction="sum"
        )
        count = chosen.sum() if num_items_in_batch is None else num_items_in_batch
        return CausalLMOutput(loss=total / count, logits=logits)

    @torch.no_grad()
    def generate(  # type: ignore[override]
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        encoder_input_ids: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        encoder_states: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Completions ``[B, new tokens]`` by the language model's own ``generate`` (greedy unless asked otherwise).

        Prompts may be padded on either side; they are moved to the right end, positions come from the mask.
        """
        embeddings = self.embed(input_ids, encoder_input_ids, encoder_attention_mask, encoder_states)
        order = attention_mask.argsort(dim=1, stable=True)
        embeddings = embeddings.gather(1, order[..., None].expand_as(embeddings))
        kwargs = {"do_sample": False, **kwargs}
        return cast(
            Tensor,
            self.llm.generate(inputs_embeds=embeddings, attention_mask=attention_mask.gather(1, order), **kwargs),
        )
