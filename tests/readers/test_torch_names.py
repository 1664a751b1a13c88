"""Layers, roles and layouts from the keys of PyTorch's own modules."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from tb_snapshot_compare.readers.torch_names import StoredEntry, TorchName, torch_names


def named(module: nn.Module) -> dict[str, TorchName]:
    """The names of the tensors of `module`, as the submodule `m` of a model."""
    state = nn.ModuleDict({"m": module}).state_dict()
    entries = [
        StoredEntry(key, tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for key, value in state.items()
    ]
    return {
        entry.key.removeprefix("m."): name
        for entry, name in zip(entries, torch_names(entries), strict=True)
    }


def roles(module: nn.Module) -> dict[str, str]:
    """The names without the layer `m`."""
    return {key: name.name.removeprefix("m/") for key, name in named(module).items()}


KERNEL_BIAS = {"weight": "kernel", "bias": "bias"}
GAMMA_BETA = {"weight": "gamma", "bias": "beta"}
STATISTICS = {
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
    "num_batches_tracked": "num_batches_tracked",
}
MODULES = {
    "Linear": (nn.Linear(2, 3), KERNEL_BIAS),
    "Linear without bias": (nn.Linear(2, 3, bias=False), {"weight": "kernel"}),
    "Bilinear": (nn.Bilinear(2, 3, 4), KERNEL_BIAS),
    "Conv1d": (nn.Conv1d(2, 3, 3), KERNEL_BIAS),
    "Conv2d": (nn.Conv2d(2, 3, 3), KERNEL_BIAS),
    "Conv3d": (nn.Conv3d(2, 3, 3), KERNEL_BIAS),
    "ConvTranspose2d": (nn.ConvTranspose2d(2, 3, 3), KERNEL_BIAS),
    "BatchNorm2d": (nn.BatchNorm2d(3), {**GAMMA_BETA, **STATISTICS}),
    "BatchNorm2d without scale": (nn.BatchNorm2d(3, affine=False), STATISTICS),
    "InstanceNorm2d": (nn.InstanceNorm2d(3, affine=True), GAMMA_BETA),
    "GroupNorm": (nn.GroupNorm(1, 3), GAMMA_BETA),
    "LayerNorm": (nn.LayerNorm(3), GAMMA_BETA),
    "LayerNorm without bias": (nn.LayerNorm(3, bias=False), {"weight": "gamma"}),
    "RMSNorm": (nn.LayerNorm(3, bias=False), {"weight": "gamma"}),
    "LSTM": (
        nn.LSTM(2, 3),
        {
            "weight_ih_l0": "kernel",
            "weight_hh_l0": "recurrent_kernel",
            "bias_ih_l0": "bias",
            "bias_hh_l0": "recurrent_bias",
        },
    ),
    "LSTM with a projection": (
        nn.LSTM(2, 3, proj_size=1, bias=False),
        {
            "weight_ih_l0": "kernel",
            "weight_hh_l0": "recurrent_kernel",
            "weight_hr_l0": "projection_kernel",
        },
    ),
    "GRU of two layers and directions": (
        nn.GRU(2, 3, num_layers=2, bidirectional=True, bias=False),
        {
            f"weight_{kind}_l{level}{way}": f"l{level}{way}/{role}"
            for level in (0, 1)
            for way in ("", "_reverse")
            for kind, role in (("ih", "kernel"), ("hh", "recurrent_kernel"))
        },
    ),
    "LSTMCell": (
        nn.LSTMCell(2, 3, bias=False),
        {"weight_ih": "kernel", "weight_hh": "recurrent_kernel"},
    ),
    "MultiheadAttention": (
        nn.MultiheadAttention(4, 2),
        {
            "in_proj_weight": "in_proj/kernel",
            "in_proj_bias": "in_proj/bias",
            "out_proj.weight": "out_proj/kernel",
            "out_proj.bias": "out_proj/bias",
        },
    ),
    "MultiheadAttention of several sizes": (
        nn.MultiheadAttention(4, 2, kdim=2, vdim=3, bias=False),
        {
            "q_proj_weight": "q_proj/kernel",
            "k_proj_weight": "k_proj/kernel",
            "v_proj_weight": "v_proj/kernel",
            "out_proj.weight": "out_proj/kernel",
        },
    ),
}


@pytest.mark.parametrize("module", MODULES)
def test_roles_are_keras_words(module: str) -> None:
    made, expected = MODULES[module]
    assert roles(made) == expected


@pytest.mark.filterwarnings("ignore")
def test_normalized_weights() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = weight_norm(nn.Linear(2, 3)), spectral_norm(nn.Linear(2, 3))
    new = (
        parametrizations.weight_norm(nn.Linear(2, 3)),
        parametrizations.spectral_norm(nn.Linear(2, 3)),
    )
    assert roles(old[0]) == {"bias": "bias", "weight_g": "kernel_g", "weight_v": "kernel_v"}
    assert set(roles(new[0]).values()) == set(roles(old[0]).values())
    assert roles(old[1]) == {
        "bias": "bias",
        "weight_orig": "kernel",
        "weight_u": "vector_u",
        "weight_v": "vector_v",
    }
    assert set(roles(new[1]).values()) == set(roles(old[1]).values())


def test_layouts_are_torchs_for_kernels_only() -> None:
    layouts = {name.name: name.layout for name in named(nn.Conv2d(2, 3, 3)).values()}
    assert layouts == {"m/kernel": "torch", "m/bias": "keras"}
    assert {name.layout for name in named(nn.BatchNorm1d(3)).values()} == {"keras"}
    assert named(nn.LSTM(2, 3))["weight_hh_l0"].layout == "torch"


@pytest.mark.parametrize(
    "key",
    ["wte", "wpe", "embed_tokens", "word_embeddings", "tok_embeddings", "emb", "embedding.0.emb"],
)
def test_embeddings_are_told_by_their_name(key: str) -> None:
    (name,) = torch_names([StoredEntry(f"model.{key}.weight", (10, 4), "float32")])
    assert (name.role, name.layout) == ("embeddings", "keras")


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("patch_embedding.weight", (8, 3, 4, 4)),
        ("embed.proj.weight", (8, 3)),
        ("member.weight", (8, 3)),
    ],
)
def test_what_only_sounds_like_an_embedding_is_a_kernel(key: str, shape: tuple[int, ...]) -> None:
    assert torch_names([StoredEntry(key, shape, "float32")])[0].role == "kernel"


def test_a_projection_with_a_bias_is_no_embedding() -> None:
    entries = [StoredEntry("time_embed.weight", (4, 4), "float32")]
    entries.append(StoredEntry("time_embed.bias", (4,), "float32"))
    assert [name.role for name in torch_names(entries)] == ["kernel", "bias"]


def test_what_a_group_of_layers_has_itself_belongs_to_no_layer() -> None:
    shapes = {
        "vit.cls_token": (1, 1, 4),
        "vit.blocks.0.gamma_1": (4,),
        "vit.blocks.0.attn.weight": (4, 4),
        "q.weight": (4, 4),
        "q.scale": (4,),
        "q.lora_A.weight": (2, 4),
    }
    found = torch_names([StoredEntry(key, shape, "float32") for key, shape in shapes.items()])
    assert [(name.name, name.layer) for name in found] == [
        ("vit/cls_token", None),
        ("vit/blocks/0/gamma_1", None),
        ("vit/blocks/0/attn/kernel", "vit/blocks/0/attn"),
        ("q/kernel", "q"),
        ("q/scale", "q"),
        ("q/lora_A/kernel", "q/lora_A"),
    ]


def test_prefixes_of_wrappers_are_kept() -> None:
    keys = ["module.layer1.0.conv1.weight", "_orig_mod.fc.bias", "ema.fc.weight"]
    found = torch_names([StoredEntry(key, (2, 2), "float32") for key in keys])
    assert [name.layer for name in found] == ["module/layer1/0/conv1", "_orig_mod/fc", "ema/fc"]


def test_counters_and_indexes_are_state() -> None:
    entries = [
        StoredEntry("bn.num_batches_tracked", (), "int64"),
        StoredEntry("position_ids", (1, 9), "int64"),
        StoredEntry("n_averaged", (), "int64"),
        StoredEntry("cls_token", (1, 1, 4), "float32"),
    ]
    found = torch_names(entries)
    assert [name.scope for name in found] == ["state", "state", "state", "weights"]
    assert (found[3].name, found[3].layer) == ("cls_token", None)


def test_names_of_keras_and_flax_keep_their_layout() -> None:
    keys = ["conv1/kernel", "params.Dense_0.kernel", "bn/scale", "bn/bias", "bn/mean", "bn/var"]
    shapes = [(3, 3, 1, 8), (2, 3), (4,), (4,), (4,), (4,)]
    entries = [StoredEntry(k, s, "float32") for k, s in zip(keys, shapes, strict=True)]
    found = torch_names(entries)
    assert [name.name for name in found] == [
        "conv1/kernel",
        "params/Dense_0/kernel",
        "bn/gamma",
        "bn/beta",
        "bn/moving_mean",
        "bn/moving_variance",
    ]
    assert {name.layout for name in found} == {"keras"}


def test_names_are_unique_and_never_empty() -> None:
    keys = ["a.weight", "a/weight", "a..weight", "", ".", "weight"]
    found = torch_names([StoredEntry(key, (2, 2), "float32") for key in keys])
    names = [name.name for name in found]
    assert len(set(names)) == len(names)
    assert all(names)
    assert torch.tensor(0).shape == ()
