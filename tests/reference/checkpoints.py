"""Tiny checkpoints with random weights, written to a folder and loaded through the real path.

Native architectures come from transformers' own classes. The public diffusion families come with code of their own:
here each is a small repository (config, modelling file, weights) with the family's calling interface and quirks
(shift, block attention, mask id, noise level, what it returns) around one and the same little transformer, and with
the habits of its published code that later versions of transformers do not forgive (`_HABITS`). The reference that a
predictor is compared with is the same network without them, made by hand. No code or weights of the families are used.
"""

import json
from pathlib import Path

import torch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]
MASK = WORDS.index("[MASK]")


def write_tokenizer(folder: Path, frame: bool = True, words: list[str] | None = None) -> None:
    """A word-level tokenizer.json and the small JSON files beside it."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

    words = words or WORDS
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(word, special=True) for word in words if word.startswith("[")])
    if frame:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", words.index("[CLS]")), ("[SEP]", words.index("[SEP]"))]
        )
    tokenizer.save(str(folder / "tokenizer.json"))
    roles = {"mask_token": "[MASK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(roles | {"tokenizer_class": "PreTrainedTokenizerFast"}))


def native(folder: Path, name: str, seed: int = 0, **changes) -> Path:
    """A masked language model of one of transformers' own architectures: hidden width 16, one layer, random weights."""
    import transformers

    torch.manual_seed(seed)
    config = getattr(transformers, f"{name}Config")(**(_common(name) | changes))
    model = getattr(transformers, f"{name}ForMaskedLM")(config)
    with torch.no_grad():  # the initial spread of 0.02 leaves all laws near uniform: differences would not show
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    model.eval().save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def _common(name: str) -> dict:
    sizes = {
        "vocab_size": len(WORDS),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
    }
    own = {
        "Albert": {"embedding_size": 16},
        "ConvBert": {"embedding_size": 16, "head_ratio": 1, "conv_kernel_size": 3},
        "DistilBert": {"dim": 16, "hidden_dim": 24, "n_layers": 1, "n_heads": 2},
        "Electra": {"embedding_size": 8},
        "Esm": {"mask_token_id": MASK, "position_embedding_type": "rotary", "token_dropout": True},
        "ModernBert": {"num_hidden_layers": 4, "local_attention": 4, "cls_token_id": 2, "sep_token_id": 3},
        "RemBert": {"input_embedding_size": 16, "output_embedding_size": 16},
        "SqueezeBert": {"embedding_size": 16},
        "MobileBert": {"embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16},
        "Esmc": {"mask_token_id": MASK},
        "EuroBert": {"num_key_value_heads": 2, "mask_token_id": MASK, "bos_token_id": 2, "eos_token_id": 3},
        "Funnel": {
            "d_model": 16,
            "d_inner": 24,
            "n_head": 2,
            "d_head": 8,
            "block_sizes": [1, 1],
            "num_decoder_layers": 1,
        },
    }.get(name, {})
    if name == "ModernBert":
        own |= {"bos_token_id": 2, "eos_token_id": 3}
    if name == "Funnel":
        sizes = {"vocab_size": len(WORDS), "pad_token_id": 0}
    return sizes | own


_HEADER = '''
import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel, PretrainedConfig
from transformers.modeling_outputs import CausalLMOutputWithPast, MaskedLMOutput

class TinyConfig(PretrainedConfig):
    model_type = "MODEL_TYPE"
    def __init__(self, vocab_size=20, hidden_size=16, tie_word_embeddings=False, **rest):
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        super().__init__(tie_word_embeddings=tie_word_embeddings, **rest)

class Places(nn.Module):
    """Positions as waves of fixed frequencies, which no checkpoint holds."""
    def __init__(self, config):
        super().__init__()
        rates = 100.0 ** -(torch.arange(0, 16, 2) / 16)
        self.register_buffer("rates", rates, persistent=False)
    def forward(self, positions):
        angles = positions[..., None] * self.rates
        return torch.cat([angles.cos(), angles.sin()], -1)

class Body(nn.Module):
    """Two attention layers. mask: (…, queries, keys) bool or None; cache: a DynamicCache."""
    def __init__(self, config, learned=True):
        super().__init__()
        width = config.hidden_size
        self.words = nn.Embedding(config.vocab_size, width)
        self.places = nn.Embedding(64, width) if learned else Places(config)
        self.mix = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(2))
        self.think = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
    def forward(self, input_ids, mask=None, positions=None, cache=None, store=True):
        if positions is None:
            positions = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        hidden = self.words(input_ids) + self.places(positions)
        for number, (mix, think) in enumerate(zip(self.mix, self.think)):
            query, key, value = mix(hidden)[:, None].chunk(3, dim=-1)
            if cache is not None and store:
                key, value = cache.update(key, value, number)
            elif cache is not None and cache.get_seq_length(number):
                key = torch.cat([cache.layers[number].keys, key], 2)
                value = torch.cat([cache.layers[number].values, value], 2)
            out = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)[:, 0]
            hidden = hidden + out + torch.tanh(think(hidden))
        return (hidden,)

class Base(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "model"
    def _init_weights(self, module):
        pass
'''

_FAMILIES = {
    # LLaDA: the body is called by its method, logits come out of it, keys and values are refused, and the attention
    # mask is ignored when the config says so (as the published code did until October 2025).
    "llada": """
class LLaDAModelLM(Base):
    def __init__(self, config):
        super().__init__(config)
        self.model = Body(config)
        self.ff_out = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()
    def forward(self, input_ids=None, inputs_embeds=None, attention_mask=None, attention_bias=None,
                past_key_values=None, use_cache=None, return_dict=None):
        assert past_key_values is None and not use_cache, "The kvcache is not supported"
        mask = None
        if attention_mask is not None and not self.config.ignores_padding:
            mask = attention_mask.bool()[:, None, None, :]
        return CausalLMOutputWithPast(logits=self.ff_out(self.model.forward(input_ids, mask)[0]))
""",
    # Dream: logits of row i-1 predict token i; attention_mask None, a string or a tensor; a DynamicCache is honoured.
    "Dream": """
class DreamModel(Base):
    def __init__(self, config):
        super().__init__(config)
        self.model = Body(config, learned=False)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()
    def get_input_embeddings(self):
        return self.model.words
    def get_output_embeddings(self):
        return self.lm_head
    def forward(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, use_cache=None,
                return_dict=None, num_logits_to_keep=0):
        mask = None
        if isinstance(attention_mask, torch.Tensor):
            mask = attention_mask  # as it comes: one of rows by columns means nothing here
        hidden = self.model(input_ids, mask, position_ids, past_key_values)[0]
        return MaskedLMOutput(logits=self.lm_head(hidden[:, -num_logits_to_keep:, :]))
""",
    # SDAR: the attention mask (batch, queries, keys) or with heads comes from outside; keys are kept with store_kv.
    "sdar": """
class SDARForCausalLM(Base):
    def __init__(self, config):
        super().__init__(config)
        self.model = Body(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()
    def forward(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, use_cache=None,
                store_kv=False, **kwargs):
        if attention_mask is None:
            raise ValueError("an attention mask is needed")
        mask = attention_mask.bool()
        cache = None if self.config.forgets else past_key_values
        hidden = self.model(input_ids, mask, position_ids, cache, store_kv)[0]
        return CausalLMOutputWithPast(logits=self.lm_head(hidden), past_key_values=past_key_values)
""",
    # Fast-dLLM v2: shifted, makes its own block-causal mask, keeps keys only with update_past_key_values.
    "Fast_dLLM_Qwen": """
class Fast_dLLM_QwenForCausalLM(Base):
    def __init__(self, config):
        super().__init__(config)
        self.model = Body(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()
    def forward(self, input_ids=None, labels=None, past_key_values=None, use_cache=None, update_past_key_values=False,
                block_size=32):
        start = past_key_values.get_seq_length() if past_key_values is not None else 0
        columns = torch.arange(start + input_ids.shape[1])
        mask = columns[start:, None] // block_size >= columns[None, :] // block_size
        positions, cache = columns[None, start:], past_key_values
        hidden = self.model(input_ids, mask[None, None], positions, cache, update_past_key_values)[0]
        return CausalLMOutputWithPast(logits=self.lm_head(hidden), past_key_values=past_key_values)
""",
    # MDLM: a noise level for each row must be given; nothing hides padding; a bare tensor comes back; the mask is last.
    "mdlm": """
class MDLM(Base):
    base_model_prefix = "mdlm"
    def __init__(self, config):
        super().__init__(config)
        self.backbone = Body(config)
        self.level = nn.Linear(1, config.hidden_size)
        self.out = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()
    def forward(self, input_ids=None, timesteps=None, output_hidden_states=None, return_dict=None):
        sigma = timesteps if self.config.time_conditioning else torch.zeros_like(timesteps)
        hidden = self.backbone(input_ids)[0] + self.level(sigma[:, None])[:, None]
        return self.out(hidden)
""",
    # BD3-LM: as MDLM, with block attention made inside; only sample_mode=True takes one copy of the text.
    "bd3lm": """
class BD3LM(Base):
    base_model_prefix = "bd3lm"
    def __init__(self, config):
        super().__init__(config)
        self.backbone = Body(config)
        self.out = nn.Linear(config.hidden_size, config.vocab_size)
        block = torch.arange(config.model_length) // config.block_size
        self.mask = (block[:, None] >= block[None, :])[None, None]  # a plain attribute
        self.post_init()
    def forward(self, input_ids=None, timesteps=None, sample_mode=None, store_kv=None, return_dict=None):
        if not sample_mode:
            raise ValueError("training takes a noisy and a clean copy")
        width = input_ids.shape[1]
        hidden = self.backbone(input_ids, self.mask[..., :width, :width])[0]
        return MaskedLMOutput(logits=self.out(hidden) + 0 * timesteps[:, None, None])
""",
    # A network that has one sentence by heart: the law of token i, whatever is known, is almost surely sentence[i].
    "heart": """
class Heart(Base):
    def __init__(self, config):
        super().__init__(config)
        self.table = nn.Parameter(torch.zeros(64, config.vocab_size))
        self.post_init()
    def forward(self, input_ids=None, attention_mask=None, **kwargs):
        width = input_ids.shape[1]
        return MaskedLMOutput(logits=self.table[:width].expand(len(input_ids), -1, -1))
""",
}
_NO_POST_INIT = ("        self.post_init()\n", "")
_HABITS: dict[str, list[tuple[str, str]]] = {
    # The class never finishes its own making, ties weights by a method that takes nothing, reads settings nobody sets.
    "llada": [
        _NO_POST_INIT,
        (
            "    def forward(self, input_ids=None, inputs_embeds=None,",
            "    def tie_weights(self):\n        assert not self.config.use_cache\n"
            "    def forward(self, input_ids=None, inputs_embeds=None,",
        ),
    ],
    # The class's own loader writes into what the library's returns; tied weights are a list; frequencies come from a
    # table that lost the entry.
    "Dream": [
        (
            "class DreamModel(Base):\n",
            """class DreamModel(Base):
    _tied_weights_keys = ["lm_head.weight"]
    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        model = super().from_pretrained(*args, **kwargs)
        model.generation_config = "its own kind"
        return model
""",
        ),
        (
            "rates = 100.0 ** -(torch.arange(0, 16, 2) / 16)",
            "from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS\n"
            '        rates, self.scaling = ROPE_INIT_FUNCTIONS["default"](config, None)',
        ),
    ],
    # Names that moved or went: a module, a class to inherit from, a kind of cache, a function, a setting.
    "sdar": [
        (
            "class SDARForCausalLM(Base):\n    def __init__(self, config):\n",
            """from transformers.cache_utils import SlidingWindowCache
from transformers.modeling_attn_mask_utils import AttentionMaskConverter, _prepare_4d_causal_attention_mask
from transformers.pytorch_utils import ALL_LAYERNORM_LAYERS
from transformers.utils.import_utils import is_torch_fx_available
try:
    from transformers.utils import LossKwargs
except ImportError:
    from transformers.utils import TransformersKwargs as LossKwargs
class Words(LossKwargs): ...
if is_torch_fx_available():
    import torch.fx
class SDARForCausalLM(Base):
    def __init__(self, config):
        ALL_LAYERNORM_LAYERS.append(nn.LayerNorm)
        assert not isinstance(config.pad_token_id, SlidingWindowCache)
""",
        ),
        (
            "mask = attention_mask.bool()",
            "ready = AttentionMaskConverter._ignore_causal_mask_sdpa(attention_mask, input_ids, 0)\n"
            "        mask = None if ready else attention_mask.bool()",
        ),
    ],
    "bd3lm": [_NO_POST_INIT],
}
"""What is written otherwise in a checkpoint's file than in the reference: (plain, as the published code does it)."""

_CLASSES = {
    "llada": ("LLaDAModelLM", "AutoModel"),
    "Dream": ("DreamModel", "AutoModel"),
    "sdar": ("SDARForCausalLM", "AutoModelForCausalLM"),
    "Fast_dLLM_Qwen": ("Fast_dLLM_QwenForCausalLM", "AutoModelForCausalLM"),
    "mdlm": ("MDLM", "AutoModelForMaskedLM"),
    "bd3lm": ("BD3LM", "AutoModelForMaskedLM"),
    "heart": ("Heart", "AutoModelForMaskedLM"),
}
_CONFIGS = {
    "llada": {"mask_token_id": 17, "ignores_padding": False},
    "Dream": {"mask_token_id": 17, "bos_token_id": 2, "num_hidden_layers": 2, "rope_theta": 100.0}
    | {"num_attention_heads": 1},
    "sdar": {"mask_token_id": 17, "block_size": 4, "forgets": False, "num_hidden_layers": 2},
    "Fast_dLLM_Qwen": {"mask_token_id": 17, "bd_size": 4, "num_hidden_layers": 2},
    "mdlm": {"time_conditioning": True, "model_length": 32},
    "bd3lm": {"time_conditioning": False, "model_length": 32, "block_size": 4},
    "heart": {"mask_token_id": 4},
}


REMOTE = tuple(_CLASSES)


def remote(folder: Path, model_type: str, seed: int = 0, sentence: list[int] | None = None, **changes) -> Path:
    """A repository with its own code. `sentence` is what the "heart" network knows."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    name, door = _CLASSES[model_type]
    published = _source(model_type)
    for plain, habit in _HABITS.get(model_type, ()):
        assert plain in published, plain
        published = published.replace(plain, habit)
    (folder / "modeling_tiny.py").write_text(published)
    config = {
        "model_type": model_type,
        "architectures": [name],
        "auto_map": {"AutoConfig": "modeling_tiny.TinyConfig", door: f"modeling_tiny.{name}"},
        "vocab_size": 20,
        "hidden_size": 16,
        "dtype": "float32",
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config | _CONFIGS[model_type] | changes))
    torch.manual_seed(seed)
    model = _by_hand(folder, model_type)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
        if sentence is not None:
            model.table.zero_()
            model.table[torch.arange(len(sentence)), torch.tensor(sentence)] = 8.0
    weights = {key: value.contiguous() for key, value in model.state_dict().items()}
    if changes.get("tie_word_embeddings"):
        del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _source(model_type: str) -> str:
    return _HEADER.replace("MODEL_TYPE", model_type) + _FAMILIES[model_type]


def _by_hand(folder: Path, model_type: str):
    """The network of a repository with its own code, without the habits and without a loader."""
    scope: dict = {}
    exec(_source(model_type), scope)
    config = json.loads((folder / "config.json").read_text())
    kept = {key: value for key, value in config.items() if key not in ("auto_map", "model_type", "architectures")}
    return scope[_CLASSES[model_type][0]](scope["TinyConfig"](**kept)).eval()


def network_of(folder: Path):
    """The network of a folder as anyone would make it by hand: the reference the predictor is compared with."""
    import transformers
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text())
    if not config.get("auto_map"):
        return transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    model, weights = _by_hand(folder, config["model_type"]), load_file(folder / "model.safetensors")
    if config.get("tie_word_embeddings"):
        weights["lm_head.weight"] = weights["model.words.weight"]
    model.load_state_dict(weights)
    return model
