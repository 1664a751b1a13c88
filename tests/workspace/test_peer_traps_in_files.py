"""What other tools were measured to get wrong, in real files through the public interface.

Each docstring gives the wrong answer of the tool of that name.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from tb_snapshot_compare import cli, compare, open_snapshot
from tb_snapshot_compare.workspace import Comparison, TensorDifference, distribution

Arrays = dict[str, np.ndarray[Any, Any]]
VERDICT = re.compile(
    r"fine.?tun|surgical|post.?training|\bsft\b|\bdpo\b|\brlhf\b|confiden|diagnos|verdict"
    r"|architecture.change|significan|healthy|suspicious|converged",
    re.IGNORECASE,
)


@pytest.fixture
def network() -> Arrays:
    random = np.random.default_rng(3)

    def normal(*shape: int) -> np.ndarray[Any, Any]:
        return random.standard_normal(shape).astype(np.float32)

    return {
        "conv.weight": normal(8, 3, 3, 3),
        "conv.bias": normal(8),
        "norm.weight": normal(8),
        "norm.bias": normal(8),
        "norm.running_mean": normal(8),
        "norm.running_var": 1 + normal(8) ** 2,
        "head.weight": normal(10, 72),
        "head.bias": normal(10),
    }


def moved(network: Arrays, by: float = 0.25) -> Arrays:
    return {name: np.asarray(v + np.float32(by), v.dtype) for name, v in network.items()}


def compared(folder: Path, a: Arrays, b: Arrays) -> Comparison:
    paths = [folder / "a.safetensors", folder / "b.safetensors"]
    for path, arrays in zip(paths, (a, b), strict=True):
        save_file(arrays, path)
    return between(*paths)


def between(a: Path, b: Path, **options: Any) -> Comparison:
    return compare(open_snapshot(a), open_snapshot(b), **options)


def by_name(comparison: Comparison) -> dict[str, TensorDifference]:
    return {tensor.name: tensor for tensor in comparison.tensors}


def assert_covered(comparison: Comparison) -> None:
    """Every tensor and every element, with no exception."""
    coverage = comparison.coverage
    assert coverage.tensors_compared == coverage.tensors_total == len(comparison.tensors)
    assert coverage.elements_compared == coverage.elements_total


def in_json(capsys: pytest.CaptureFixture[str], folder: Path) -> Any:
    """What the command line prints, read by a strict parser."""
    paths = [str(folder / name) for name in ("a.safetensors", "b.safetensors")]
    assert cli.main(["diff", *paths, "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))


def test_the_norm_of_a_large_tensor(tmp_path: Path) -> None:
    """A float32 sum stands still at 2**24 = 16.8 million ones.

    torch 2.13's norm of float32 is 0.21 % off at 33 million weights and 11.4 % at 600 million,
    and its cosine_similarity(x, x) is 1.022 at 100 million; modeldelta reports that norm.
    """
    count = 24_000_000
    block = (np.random.default_rng(0).integers(-64, 65, 1 << 16) / 16).astype(np.float32)
    a = np.resize(block, count)
    ones = np.cumsum(np.ones(count, np.float32), dtype=np.float32)[-1]
    assert math.sqrt(ones) < 0.9 * math.sqrt(count), "the trap: adding up in float32"
    found = compared(
        tmp_path, {"fc.weight": a.reshape(6000, -1)}, {"fc.weight": (a + 1).reshape(6000, -1)}
    )
    x = a.astype(np.float64)
    square_a, square_b = (x @ x), ((x + 1) @ (x + 1))
    measures = found.model
    assert measures.l2 == pytest.approx(math.sqrt(count), rel=1e-14)
    assert measures.relative_l2 == pytest.approx(math.sqrt(count / square_a), rel=1e-13)
    assert measures.cosine == pytest.approx(x @ (x + 1) / math.sqrt(square_a * square_b), rel=1e-13)
    assert (measures.l1, measures.mean_abs, measures.max_abs) == (count, 1.0, 1.0)
    itself = between(tmp_path / "a.safetensors", tmp_path / "a.safetensors").model
    assert (itself.cosine, itself.l2, itself.changed) == (1.0, 0.0, 0.0)


def test_a_layer_of_nan(
    tmp_path: Path, network: Arrays, capsys: pytest.CaptureFixture[str]
) -> None:
    """weightscope: "conv.weight: 0 changed, 0.00 %", since NaN > t is False.

    modeldelta crashes (LinAlgError); sft writes a bare NaN, which is not JSON.
    """
    broken = moved(network) | {"conv.weight": np.full_like(network["conv.weight"], np.nan)}
    found = compared(tmp_path, network, broken)
    conv = by_name(found)["conv/kernel"].measures
    assert conv is not None
    assert (conv.changed, conv.nan_a, conv.nan_b, conv.l2) == (1.0, 0, 216, None)
    rest = math.sqrt(sum(v.size for v in network.values()) - 216) / 4
    assert found.model.l2 == pytest.approx(rest, rel=1e-6), "the other layers are unharmed"
    assert found.coverage.elements_total - found.coverage.elements_compared == 216
    assert in_json(capsys, tmp_path)["model"]["nan_b"] == 216


def test_an_infinite_value(
    tmp_path: Path, network: Arrays, capsys: pytest.CaptureFixture[str]
) -> None:
    """weightscope: a tensor of another shape, "architecture_change, confidence: high"."""
    broken = moved(network)
    broken["head.weight"][3, 5] = -np.inf
    found = compared(tmp_path, network, broken)
    head = by_name(found)["head/kernel"]
    assert head.measures is not None
    assert (head.status, head.shape_a, head.shape_b) == ("compared", (10, 72), (10, 72))
    assert (head.measures.inf_b, head.measures.changed) == (1, 1.0)
    assert head.measures.l2 == pytest.approx(math.sqrt(719) / 4, rel=1e-6)
    assert in_json(capsys, tmp_path)["model"]["inf_b"] == 1


def test_small_tensors(tmp_path: Path, network: Arrays) -> None:
    """modeldelta skips, and does not say so, what has under 1000 elements.

    Of ResNet-18 these are 80 of 102 tensors: every bias and every batch norm.
    """
    scalar = {"scale.weight": np.array(2.0, np.float32), "empty.weight": np.zeros(0, np.float32)}
    found = compared(tmp_path, network | scalar, moved(network | scalar))
    assert_covered(found)
    for name, tensor in by_name(found).items():
        assert tensor.measures is not None, name
        if tensor.count:
            assert tensor.measures.max_abs == pytest.approx(0.25, rel=1e-5), name
    assert {"scale/kernel", "scale/weight", "scale/gamma"} & set(by_name(found))


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_integer_buffers(tmp_path: Path, network: Arrays, dtype: str) -> None:
    """GradientHound crashes on every network with batch norm: "vector_norm: ... Got Long"."""
    steps = {"norm.num_batches_tracked": np.array(0).astype(dtype)}
    later = {"norm.num_batches_tracked": np.array(1).astype(dtype)}
    weights = {"codes.weight": np.arange(24).reshape(4, 6).astype(dtype)}
    paths = [tmp_path / "a.pt", tmp_path / "b.pt"]
    for path, arrays in zip(
        paths, (network | steps | weights, moved(network) | later | weights), strict=True
    ):
        torch.save({name: torch.from_numpy(np.array(v)) for name, v in arrays.items()}, path)
    found = between(*paths, scopes=frozenset({"weights", "state"}))
    assert_covered(found)
    tracked = next(t for name, t in by_name(found).items() if "num_batches" in name)
    assert (tracked.dtype_a, tracked.dtype_b) == (dtype, dtype)
    assert tracked.measures is not None
    assert tracked.measures.max_abs == 1.0
    codes = next(t for name, t in by_name(found).items() if name.startswith("codes"))
    assert codes.measures is not None
    assert (codes.measures.changed, codes.measures.cosine) == (0.0, 1.0)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn], ids=str
)
def test_another_dtype(tmp_path: Path, network: Arrays, dtype: torch.dtype) -> None:
    """sft: no difference of values at all; ckptkit and diffai list that the dtype differs."""
    one = {name: torch.from_numpy(values) for name, values in network.items()}
    other = {name: (values / 2).to(dtype) for name, values in one.items()}
    save_torch_file(one, tmp_path / "a.safetensors")
    save_torch_file(other, tmp_path / "b.safetensors")
    found = between(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert_covered(found)
    a = torch.cat([one[name].double().flatten() for name in one])
    b = torch.cat([other[name].double().flatten() for name in one])
    assert found.model.l2 == pytest.approx(float(torch.linalg.vector_norm(b - a)), rel=1e-12)
    assert found.model.max_abs == float((b - a).abs().max())
    assert found.model.changed == float((a != b).double().mean())
    assert {t.dtype_b for t in found.tensors} == {str(dtype).removeprefix("torch.")}


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.", "_fsdp_wrapped_module."]
)
def test_another_prefix(tmp_path: Path, network: Arrays, prefix: str) -> None:
    """sft, ckptkit and diffai: everything was removed and everything was added."""
    renamed = {prefix + name: values for name, values in moved(network).items()}
    found = compared(tmp_path, network, renamed)
    assert_covered(found)
    assert {tensor.status for tensor in found.tensors} == {"compared"}
    assert len(found.tensors) == len(network)
    plain = compared(tmp_path, network, moved(network))
    assert found.model == plain.model


def test_a_head_of_another_shape(tmp_path: Path, network: Arrays) -> None:
    """sft, ckptkit and diffai have no numbers for a network that was given another head."""
    random = np.random.default_rng(4)
    head = {
        "head.weight": random.standard_normal((4, 72)).astype(np.float32),
        "head.bias": np.zeros(4, np.float32),
    }
    found = by_name(compared(tmp_path, network, moved(network) | head))
    for name in ("head/kernel", "head/bias"):
        tensor = found.pop(name)
        assert (tensor.status, tensor.measures) == ("shape_differs", None), name
        assert (tensor.shape_a or ())[0] == 10
        assert (tensor.shape_b or ())[0] == 4
    assert len(found) == 6
    for name, tensor in found.items():
        assert tensor.measures is not None, name
        assert tensor.measures.max_abs == pytest.approx(0.25, rel=1e-5), name


def test_tensors_of_zeros(tmp_path: Path, network: Arrays) -> None:
    """sft: a cosine of 0.0 for two equal tensors of zeros."""
    empty = {name: np.zeros_like(values) for name, values in network.items()}
    same = compared(tmp_path, empty, empty).model
    assert (same.cosine, same.l2, same.relative_l2, same.changed) == (1.0, 0.0, 0.0, 0.0)
    grown = compared(tmp_path, empty, network).model
    assert (grown.cosine, grown.relative_l2, grown.mean_relative_percent) == (None, None, 2.0)


def test_noise_gets_numbers_and_no_verdict(
    tmp_path: Path, network: Arrays, capsys: pytest.CaptureFixture[str]
) -> None:
    """modeldelta: "surgical fine-tuning"; weightscope: "SFT/DPO post-training, confidence high".

    Both for random numbers beside a network: their verdicts are thresholds on the size.
    """
    random = np.random.default_rng(5)
    noisy = {
        name: (v * (1 + 1e-3 * random.standard_normal(v.shape))).astype(np.float32)
        for name, v in network.items()
    }
    found = compared(tmp_path, network, noisy)
    paths = [str(tmp_path / name) for name in ("a.safetensors", "b.safetensors")]
    texts = [found._repr_html_(), repr(found)]
    for options in ([], ["--json"]):
        assert cli.main(["diff", *paths, *options]) == 0
        texts.append(capsys.readouterr().out)
    for text in texts:
        text = text.replace(str(tmp_path), "")
        assert "1" in text
        assert VERDICT.findall(text) == []


def test_changed_values_are_not_called_identical(tmp_path: Path, network: Arrays) -> None:
    """ckptkit compares headers: "Identical: 146, Changes: 0" where every value differs.

    diffai compares summaries; these two have the same mean, spread, least and greatest value.
    """
    shuffled = {
        name: values.reshape(-1)[::-1].reshape(values.shape).copy()
        for name, values in network.items()
    }
    found = compared(tmp_path, network, shuffled)
    for tensor in found.tensors:
        assert tensor.measures is not None
        assert tensor.measures.changed == 1.0


def test_the_distribution_leaves_nothing_out(tmp_path: Path, network: Arrays) -> None:
    """matplotlib's and NumPy's histograms raise on a range with NaN or infinity."""
    broken = moved(network)
    broken["conv.weight"][0, 0, 0, 0] = np.nan
    broken["head.weight"][0, 0] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        np.histogram(broken["conv.weight"] - network["conv.weight"])
    found = compared(tmp_path, network, broken)
    a, b = (open_snapshot(tmp_path / name) for name in ("a.safetensors", "b.safetensors"))
    counted = distribution(a, b, found, bins=20, levels=5)
    assert counted.total == found.coverage.elements_total - 2
    assert counted.excluded == 2
