"""Groups from the names of layers."""

from tb_snapshot_compare.architecture import Layer, with_stages


def layer(name: str, parent: str | None = None, parameters: int = 10) -> Layer:
    return Layer(name, "Conv2D", parent, False, None, (f"{name}/kernel",), parameters)


def tree(names: list[str]) -> dict[str, str | None]:
    return {each.name: each.parent for each in with_stages([layer(name) for name in names])}


def test_a_resnets_names_are_stages_and_blocks() -> None:
    names = ["conv1_conv", "conv1_bn", "conv2_block1_1_conv", "conv2_block1_1_bn",
             "conv2_block2_1_conv", "conv2_block2_1_bn", "predictions"]  # fmt: skip
    found = tree(names)
    assert list(found) == [
        "conv1", "conv1_conv", "conv1_bn", "conv2", "conv2_block1", "conv2_block1_1_conv",
        "conv2_block1_1_bn", "conv2_block2", "conv2_block2_1_conv", "conv2_block2_1_bn",
        "predictions",
    ]  # fmt: skip
    assert found["conv1_bn"] == "conv1"
    assert found["conv2_block1_1_bn"] == "conv2_block1"
    assert found["conv2_block1"] == "conv2"
    assert found["conv2"] is found["predictions"] is None


def test_letters_behind_a_number_are_blocks_of_a_stage() -> None:
    found = tree(["block2a_conv", "block2a_bn", "block2b_conv", "block2b_bn", "top"])
    assert found["block2a_conv"] == "block2a"
    assert found["block2a"] == found["block2b"] == "block2"


def test_a_word_and_a_number_are_one_part() -> None:
    found = tree(["block_1_expand", "block_1_project", "block_2_expand", "block_2_project"])
    assert found["block_1_expand"] == "block_1"
    assert found["block_2_project"] == "block_2"
    assert "block" not in found


def test_of_two_groups_of_the_same_layers_there_is_the_inner_one() -> None:
    found = tree(["stem", "block1a_conv", "block1a_bn", "top"])
    assert found["block1a_conv"] == "block1a"
    assert found["block1a"] is None
    assert "block1" not in found


def test_numbers_that_keras_gives_are_no_hierarchy() -> None:
    names = ["conv2d", "conv2d_1", "conv2d_2", "batch_normalization", "dense_1", "dense_2"]
    assert tree(names) == dict.fromkeys(names)


def test_layers_that_do_not_stand_side_by_side_are_no_group() -> None:
    found = tree(["conv1_a", "other", "conv1_b", "conv2_a", "conv2_b"])
    assert found["conv1_a"] is None
    assert found["conv2_a"] == "conv2"


def test_the_whole_network_is_no_group() -> None:
    assert tree(["net1_a", "net1_b"]) == {"net1_a": None, "net1_b": None}


def test_what_is_grouped_is_grouped_within_its_group() -> None:
    group = Layer("backbone", "Functional", None, True, None, (), 40)
    names = ("conv1_conv", "conv1_bn", "conv2_conv", "conv2_bn")
    layers = [group, *(layer(f"backbone/{name}", "backbone") for name in names), layer("head")]
    found = {each.name: each for each in with_stages(layers)}
    assert found["backbone/conv1_bn"].parent == "backbone/conv1"
    assert found["backbone/conv1"].parent == "backbone"
    assert found["backbone/conv1"].parameters == 20
    assert found["backbone/conv1"].is_group


def test_a_group_never_takes_the_name_of_a_layer() -> None:
    found = tree(["conv1", "conv1_a", "conv1_b", "fc"])
    assert found["conv1_a"] == "conv1#2"
    assert found["conv1#2"] is None


def test_layers_without_weights_stay_where_they_are() -> None:
    layers = [layer("conv1_a"), layer("conv1_relu", None, 0), layer("conv1_b"), layer("fc")]
    found = {each.name: each.parent for each in with_stages(layers)}
    assert found == {"conv1": None, "conv1_a": "conv1", "conv1_relu": None, "conv1_b": "conv1",
                     "fc": None}  # fmt: skip
