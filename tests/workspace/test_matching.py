"""Which tensor of a is which of b, where names, layouts and cuts differ."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.workspace import Match, OpenedSnapshot, compare, match
from tb_snapshot_compare.workspace.canonical_names import canonical
from tests.workspace.stored_tensors import Stored, snapshot, torch

Array = np.ndarray[Any, Any]
Tensors = dict[str, Stored | Array]


def values(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def small(**layers: tuple[int, ...]) -> Tensors:
    """Kernels and biases of layers by shape, in PyTorch's layout."""
    found: Tensors = {}
    for number, (name, shape) in enumerate(layers.items()):
        layer = name.replace("__", "/")
        found[f"{layer}/kernel"] = torch(values(*shape, seed=number))
        found[f"{layer}/bias"] = values(shape[0], seed=number)
    return found


def both(tmp_path: Path, a: Tensors, b: Tensors) -> tuple[OpenedSnapshot, OpenedSnapshot]:
    return snapshot(tmp_path / "a", a), snapshot(tmp_path / "b", b)


def partners(tmp_path: Path, a: Tensors, b: Tensors) -> dict[str, tuple[str | None, str]]:
    """What is paired with each tensor of b, and by which rule."""
    found = match(*both(tmp_path, a, b))
    return {
        pair.name: (found.partners[pair.name].name if pair.a is not None else None, pair.rule)
        for pair in found.pairs
        if pair.b is not None
    }


def wrapped(tensors: Tensors, prefix: str) -> Tensors:
    return {prefix + name: value for name, value in tensors.items()}


NETWORK = {"conv1": (4, 3, 3, 3), "conv2": (6, 4, 3, 3), "fc": (5, 6)}


@pytest.mark.parametrize(
    "prefix",
    ["module/", "model/", "_orig_mod/", "state_dict/", "student/", "backbone/", "model/module/",
     "model/_orig_mod/", "ema/", "state_dict/model/module/"],
)  # fmt: skip
def test_a_wrapped_model_is_the_model(prefix: str, tmp_path: Path) -> None:
    plain = small(**NETWORK)
    found = partners(tmp_path, wrapped(plain, prefix), plain)
    assert found == {name: (prefix + name, "canonical") for name in plain}


def blocks(first: str, *, fewer: bool = False) -> Tensors:
    """Layers of one shape, told apart by nothing but their names."""
    names = ("stem", "one/up", "one/down", "two/up", "two/down")
    return small(**{(first + n).replace("/", "__"): (4, 4) for n in names[: -1 if fewer else None]})


@pytest.mark.parametrize(("of_a", "of_b"), [("m/", ""), ("", "m/"), ("m/", "whole/")])
def test_what_all_weights_lie_in_does_not_matter(of_a: str, of_b: str, tmp_path: Path) -> None:
    found = partners(tmp_path, blocks(of_a), blocks(of_b))
    assert found == {name: (of_a + name.removeprefix(of_b), "canonical") for name in blocks(of_b)}


def test_what_all_weights_lie_in_does_not_matter_where_some_are_missing(tmp_path: Path) -> None:
    found = partners(tmp_path, blocks("m/", fewer=True), blocks(""))
    assert found["two/up/kernel"] == ("m/two/up/kernel", "canonical")
    assert found["two/down/kernel"] == (None, "name")


def test_beginnings_that_a_number_tells_apart_matter(tmp_path: Path) -> None:
    found = partners(tmp_path, blocks("block_1/"), blocks("block_2/"))
    assert {rule for _, rule in found.values()} == {"name"}


def test_one_layer_is_not_what_its_weights_lie_in(tmp_path: Path) -> None:
    a, b = {"fc/kernel": values(4, 4)}, {"kernel": values(4, 4)}
    assert partners(tmp_path, a, b) == {"kernel": ("fc/kernel", "order")}


def test_a_submodule_that_was_compiled_is_the_submodule(tmp_path: Path) -> None:
    found = partners(
        tmp_path, small(encoder___orig_mod__conv=(4, 3)), small(encoder__conv=(4, 3), fc=(2, 2))
    )
    assert found["encoder/conv/kernel"] == ("encoder/_orig_mod/conv/kernel", "canonical")


def test_separators_and_output_numbers_do_not_matter(tmp_path: Path) -> None:
    a, b = {"block/1/conv/kernel:0": values(3, 3)}, {"block_1_conv/kernel": values(3, 3)}
    assert partners(tmp_path, a, b)["block_1_conv/kernel"] == ("block/1/conv/kernel:0", "canonical")


def test_an_averaged_copy_in_the_same_file_is_not_taken_for_the_model(tmp_path: Path) -> None:
    plain = small(**NETWORK)
    a = {**wrapped(plain, "ema/"), **plain}
    b = {**wrapped(plain, "module/"), **wrapped(plain, "ema_model/")}
    found = partners(tmp_path, a, b)
    assert found["module/conv1/kernel"] == ("conv1/kernel", "canonical")
    assert found["ema_model/conv1/kernel"] == ("ema/conv1/kernel", "canonical")
    only_plain = partners(tmp_path, a, wrapped(plain, "module/"))
    assert only_plain["module/fc/bias"] == ("fc/bias", "canonical")
    listed = match(*both(tmp_path, a, plain)).unmatched_a
    assert {entry.entry.name for entry in listed} == set(wrapped(plain, "ema/"))
    assert "averaged copy" in listed[0].reason


def test_one_canonical_name_of_two_tensors_is_no_match(tmp_path: Path) -> None:
    a = {**wrapped(small(head=(4, 4)), "model/"), **wrapped(small(head=(4, 4)), "backbone/")}
    found = partners(tmp_path, a, small(head=(4, 4)))
    assert found == {"head/kernel": (None, "name"), "head/bias": (None, "name")}


def test_layers_under_other_names_are_matched_by_order(tmp_path: Path) -> None:
    b = small(features__0=(4, 3, 3, 3), features__3=(6, 4, 3, 3), classifier=(5, 6))
    found = partners(tmp_path, small(**NETWORK), b)
    assert found["features/0/kernel"] == ("conv1/kernel", "order")
    assert found["features/3/bias"] == ("conv2/bias", "order")
    assert found["classifier/kernel"] == ("fc/kernel", "order")


def test_layers_alike_are_matched_in_order_where_both_have_as_many(tmp_path: Path) -> None:
    a = small(one=(4, 4), two=(4, 4), three=(4, 4))
    b = small(x=(4, 4), y=(4, 4), z=(4, 4))
    assert [partners(tmp_path, a, b)[f"{n}/kernel"][0] for n in "xyz"] == [
        "one/kernel", "two/kernel", "three/kernel",
    ]  # fmt: skip
    fewer = match(*both(tmp_path, a, small(x=(4, 4), y=(4, 4))))
    assert {pair.status for pair in fewer.pairs} == {"only_a", "only_b"}
    assert "2 tensors of its role and shape are left in b" in fewer.unmatched_a[0].reason
    assert "3 tensors of its role and shape are left in a" in fewer.unmatched_b[0].reason


def test_order_does_not_cross_what_names_say(tmp_path: Path) -> None:
    a, b = small(first=(4, 4), shared=(4, 4)), small(shared=(4, 4), last=(4, 4))
    found = partners(tmp_path, a, b)
    assert found["shared/kernel"] == ("shared/kernel", "name")
    assert found["last/kernel"] == (None, "name")


def test_layers_that_a_number_tells_apart_are_not_taken_for_one_another(tmp_path: Path) -> None:
    assert partners(tmp_path, small(block_1=(4, 4)), small(block_2=(4, 4)))["block_2/kernel"] == (
        None, "name",
    )  # fmt: skip


def test_a_head_of_another_size_is_left_and_told(tmp_path: Path) -> None:
    found = match(*both(tmp_path, small(**NETWORK), small(x=(4, 3, 3, 3), head=(9, 6))))
    assert {each.entry.name for each in found.unmatched_b} == {"head/kernel", "head/bias"}
    assert found.unmatched_b[0].reason == "No tensor of its role and shape is left in a."


def keras_and_torch() -> tuple[Tensors, Tensors]:
    """A network as Keras and as PyTorch store it, with the names of either."""
    conv, depth, up = values(3, 3, 3, 4), values(3, 3, 4, 2), values(2, 2, 5, 8)
    dense, tokens = values(8, 5), values(20, 6)
    keras: Tensors = {
        "conv2d/kernel": conv, "conv2d/bias": values(4),
        "batch_normalization/gamma": values(4, seed=1),
        "batch_normalization/beta": values(4, seed=2),
        "batch_normalization/moving_mean": values(4, seed=3),
        "batch_normalization/moving_variance": values(4, seed=4),
        "depthwise_conv2d/kernel": depth, "depthwise_conv2d/bias": values(8),
        "conv2d_transpose/kernel": up, "conv2d_transpose/bias": values(5),
        "embedding/embeddings": tokens,
        "dense/kernel": dense, "dense/bias": values(5, seed=9),
    }  # fmt: skip
    ported: Tensors = {
        "features/0/kernel": torch(conv.transpose(3, 2, 0, 1)), "features/0/bias": values(4),
        "features/1/gamma": values(4, seed=1), "features/1/beta": values(4, seed=2),
        "features/1/moving_mean": values(4, seed=3),
        "features/1/moving_variance": values(4, seed=4),
        "features/2/kernel": torch(depth.reshape(3, 3, 8).transpose(2, 0, 1)[:, None]),
        "features/2/bias": values(8),
        "up/kernel": torch(up.transpose(3, 2, 0, 1)), "up/bias": values(5),
        "tokens/embeddings": tokens,
        "head/kernel": torch(dense.T), "head/bias": values(5, seed=9),
    }  # fmt: skip
    return keras, ported


def differing(a: OpenedSnapshot, b: OpenedSnapshot) -> dict[str, Any]:
    """Tensors that are not compared, or not equal."""
    return {
        tensor.name: (tensor.status, tensor.shape_a, tensor.shape_b, tensor.measures)
        for tensor in compare(a, b).tensors
        if tensor.measures is None or tensor.measures.max_abs != 0.0
    }


@pytest.mark.parametrize("turned", [False, True])
def test_a_keras_model_and_its_pytorch_port_are_equal(turned: bool, tmp_path: Path) -> None:
    a, b = both(tmp_path, *keras_and_torch())
    pair = (b, a) if turned else (a, b)
    assert differing(*pair) == {}
    result = compare(*pair)
    assert result.coverage.tensors_compared == result.coverage.tensors_total == 13
    rules = {tensor.rule for tensor in result.tensors}
    assert rules == {"order"}


def test_filters_of_a_mixed_pair_are_output_channels(tmp_path: Path) -> None:
    keras, ported = keras_and_torch()
    changed = np.array(ported["features/0/kernel"].values)  # type: ignore[union-attr]
    changed[2] += 1
    a, b = both(tmp_path, keras, {**ported, "features/0/kernel": torch(changed)})
    for pair in ((a, b), (b, a)):
        kernels = ("features/0/kernel", "conv2d/kernel")
        (found,) = (f for f in compare(*pair).filters if f.tensor in kernels)
        np.testing.assert_array_equal(np.frombuffer(found.arrays["changed"]), [0, 0, 1, 0])


def attention() -> tuple[Tensors, Tensors, Tensors]:
    """Attention of two heads as Keras has it, as PyTorch does, and with its parts apart."""
    parts = ("query", "key", "value")
    kernels = {part: values(6, 2, 3, seed=n) for n, part in enumerate(parts)}
    biases = {part: values(2, 3, seed=n) for n, part in enumerate(parts)}
    out = values(2, 3, 6)
    keras: Tensors = {}
    for part in parts:
        keras[f"mha/{part}/kernel"], keras[f"mha/{part}/bias"] = kernels[part], biases[part]
    keras["mha/attention_output/kernel"] = out
    keras["mha/attention_output/bias"] = values(6)
    rows = [kernels[part].reshape(6, 6).T for part in parts]
    ported: Tensors = {
        "attn/in_proj/kernel": torch(np.concatenate(rows)),
        "attn/in_proj/bias": np.concatenate([biases[part].reshape(6) for part in parts]),
        "attn/out_proj/kernel": torch(out.reshape(6, 6).T),
        "attn/out_proj/bias": values(6),
    }
    apart: Tensors = {}
    for part, row in zip(("q_proj", "k_proj", "v_proj"), rows, strict=True):
        apart[f"attn/{part}/kernel"] = torch(row)
    for name, part in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value")):
        apart[f"attn/{name}/bias"] = biases[part].reshape(6)
    apart |= {name: value for name, value in ported.items() if "out_proj" in name}
    return keras, ported, apart


@pytest.mark.parametrize("turned", [False, True])
def test_fused_attention_is_split_by_rows(turned: bool, tmp_path: Path) -> None:
    keras, ported, apart = attention()
    for number, (one, other) in enumerate(((keras, ported), (keras, apart), (ported, apart))):
        (tmp_path / str(number)).mkdir()
        a, b = both(tmp_path / str(number), one, other)
        pair = (b, a) if turned else (a, b)
        assert differing(*pair) == {}, number
        assert compare(*pair).coverage.tensors_compared == 8
    rules = {pair.name: pair.rule for pair in match(*both(tmp_path, ported, keras)).pairs}
    assert rules["mha/query/kernel"] == "fused"
    assert rules["mha/attention_output/kernel"] == "order"


def recurrent(gates: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Kernel, recurrent kernel and bias of a Keras layer of four units."""
    size = 4 * gates
    return values(3, size, seed=seed), values(4, size, seed=seed), values(size, seed=seed)


def test_an_lstms_two_biases_of_pytorch_are_added(tmp_path: Path) -> None:
    kernel, inner, bias = recurrent(4)
    second = values(16, seed=5)
    a, b = both(
        tmp_path,
        {"lstm/lstm_cell/kernel": kernel, "lstm/lstm_cell/recurrent_kernel": inner,
         "lstm/lstm_cell/bias": bias + second},
        {"rnn/kernel": torch(kernel.T), "rnn/recurrent_kernel": torch(inner.T),
         "rnn/bias": bias, "rnn/recurrent_bias": second},
    )  # fmt: skip
    for pair in ((a, b), (b, a)):
        assert differing(*pair) == {}
        assert compare(*pair).coverage.tensors_total == 3


def test_a_grus_gates_and_biases_are_put_in_keras_order(tmp_path: Path) -> None:
    kernel, inner, _ = recurrent(3)
    biases = values(2, 12)

    def gates(array: Array) -> Array:
        """From update, reset, new to reset, update, new, along the first axis."""
        return np.concatenate([array[4:8], array[:4], array[8:]])

    a, b = both(
        tmp_path,
        {"gru/gru_cell/kernel": kernel, "gru/gru_cell/recurrent_kernel": inner,
         "gru/gru_cell/bias": biases},
        {"rnn/kernel": torch(gates(kernel.T)), "rnn/recurrent_kernel": torch(gates(inner.T)),
         "rnn/bias": gates(biases[0]), "rnn/recurrent_bias": gates(biases[1])},
    )  # fmt: skip
    for pair in ((a, b), (b, a)):
        assert differing(*pair) == {}
        assert compare(*pair).coverage.tensors_total == 4


def test_both_directions_of_a_recurrent_layer_are_told_apart(tmp_path: Path) -> None:
    keras: Tensors = {}
    ported: Tensors = {}
    for n, (word, end) in enumerate((("forward", ""), ("backward", "_reverse"))):
        kernel, inner, bias = recurrent(4, seed=n)
        cell = f"bidirectional/{word}_lstm/lstm_cell"
        keras |= {f"{cell}/kernel": kernel, f"{cell}/recurrent_kernel": inner, f"{cell}/bias": bias}
        ported |= {
            f"rnn/l0{end}/kernel": torch(kernel.T),
            f"rnn/l0{end}/recurrent_kernel": torch(inner.T),
            f"rnn/l0{end}/bias": bias,
            f"rnn/l0{end}/recurrent_bias": np.zeros_like(bias),
        }
    a, b = both(tmp_path, keras, ported)
    found = match(a, b)
    assert found.partners["rnn/l0_reverse/kernel"].name == (
        "bidirectional/backward_lstm/lstm_cell/kernel"
    )
    assert differing(a, b) == {}


def test_kernels_that_only_look_alike_are_told_apart_by_layout(tmp_path: Path) -> None:
    """A square kernel is transposed; one that has Keras's shape as it is stored is another."""
    square = values(5, 5)
    a, b = both(tmp_path, {"fc/kernel": square}, {"fc/kernel": torch(square.T)})
    assert differing(a, b) == {}
    a, b = both(tmp_path, {"fc/kernel": values(4, 5)}, {"fc/kernel": torch(values(4, 5))})
    (only,) = match(a, b).pairs
    assert only.status == "shape_differs"


def test_corrections_go_before_every_rule(tmp_path: Path) -> None:
    a, b = both(tmp_path, small(one=(4, 4), two=(4, 4)), small(one=(4, 4), two=(4, 4)))
    found = match(a, b, (Match("one/kernel", "two/kernel"), Match("two/bias", None)))
    assert found.partners["two/kernel"].name == "one/kernel"
    by_name = {pair.name: pair for pair in found.pairs}
    assert by_name["two/kernel"].rule == "user"
    assert by_name["two/bias"].status == "only_b"
    assert by_name["two/bias (a)"].status == "only_a"
    reasons = {each.entry.name: each.reason for each in found.unmatched_a}
    assert reasons["two/bias"] == "You left it without a partner."
    result = compare(a, b, corrections=(Match("one/kernel", "two/kernel"),))
    assert next(t for t in result.tensors if t.name == "two/kernel").name_a == "one/kernel"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Match("nine/kernel", "one/kernel"), "Snapshot a has no tensor 'nine/kernel'"),
        (Match("one/kernel", "nine/kernel"), "Snapshot b has no tensor 'nine/kernel'"),
        (Match("one/kernel", "two/kernel"), r"\[4, 4\].*\[6, 4\].*not the shapes of one tensor"),
    ],
)
def test_corrections_that_cannot_be_are_refused_by_name(
    wrong: Match, message: str, tmp_path: Path
) -> None:
    a, b = both(tmp_path, small(one=(4, 4)), small(one=(4, 4), two=(6, 4)))
    with pytest.raises(InvalidRequestError, match=message):
        match(a, b, (wrong,))


def test_what_is_exported_gives_the_same_matching(tmp_path: Path) -> None:
    a, b = both(tmp_path, *keras_and_torch())
    first = match(a, b)
    again = match(a, b, first.matches())
    assert {n: e.name for n, e in again.partners.items()} == {
        n: e.name for n, e in first.partners.items()
    }
    assert {pair.rule for pair in again.pairs} == {"user"}


names = st.lists(
    st.sampled_from(["module", "model", "conv", "conv1", "block", "ema", "fc", "0", "_orig_mod"]),
    min_size=1,
    max_size=5,
).map("/".join)


@given(a=st.lists(names, unique=True, max_size=8), b=st.lists(names, unique=True, max_size=8))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_tensor_ever_has_two_partners_and_none_is_lost(
    a: list[str], b: list[str], tmp_path: Path
) -> None:
    one: Tensors = {f"{name}/kernel": values(2, 2 + n % 2) for n, name in enumerate(a)}
    other: Tensors = {f"{name}/kernel": values(2, 2 + n % 3) for n, name in enumerate(b)}
    found = match(*both(tmp_path, one, other))
    used = [entry.name for entry in found.partners.values()]
    assert len(used) == len(set(used))
    assert {p.stored_a.name for p in found.pairs if p.stored_a} | {
        p.a.name for p in found.pairs if p.a
    } == set(one)
    assert [p.name for p in found.pairs if p.b] == list(other)
    assert len({pair.name for pair in found.pairs}) == len(found.pairs)
    for name in set(one) & set(other):
        assert found.partners[name].name == name


@given(name=st.text(alphabet="ab/._0", max_size=12))
def test_canonical_names_are_stable(name: str) -> None:
    text = canonical(name).text
    assert canonical(text).text == text or not text


def sides(
    tmp_path: Path, a: Tensors, b: Tensors, *corrections: Match
) -> tuple[dict[str, str], dict[str, str | None]]:
    """Who has each layer, and the layer of each pair."""
    found = match(*both(tmp_path, a, b), corrections)
    return dict(found.architecture.sides), {pair.name: pair.layer for pair in found.pairs}


def by_hand(a: str, b: str) -> tuple[Match, Match]:
    return Match(f"{a}/kernel", f"{b}/kernel"), Match(f"{a}/bias", f"{b}/bias")


def test_a_layer_with_a_weight_that_was_matched_by_hand_is_in_both(tmp_path: Path) -> None:
    a, b = small(first=(4, 4), one=(5, 4)), small(first=(4, 4), x=(5, 4), y=(5, 4))
    assert sides(tmp_path, a, b)[0] == {"first": "both", "one": "a", "x": "b", "y": "b"}
    apart = (Match("one/kernel", "x/kernel"), Match("one/bias", "y/bias"))
    found, _ = sides(tmp_path, a, b, *apart)
    assert found == {"first": "both", "one": "both", "x": "both", "y": "both"}


def test_a_layer_whose_name_was_given_to_another_by_hand_is_its_own(tmp_path: Path) -> None:
    a, b = small(one=(4, 4), two=(4, 4)), small(two=(4, 4), other=(3, 4))
    found, layers = sides(tmp_path, a, b, *by_hand("one", "two"))
    assert found == {"two": "both", "two (a)": "a", "other": "b"}
    assert layers["two/kernel"] == "two"
    assert layers["two/kernel (a)"] == "two (a)"
