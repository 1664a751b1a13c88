import os
from pathlib import Path

import pytest

from tb_snapshot_compare.sources import Root, parse_roots


def test_no_flags_give_no_roots() -> None:
    assert parse_roots(None, None, None) == ()
    assert parse_roots("", "", "") == ()


def test_logdir_is_one_root_without_a_name(tmp_path: os.PathLike[str]) -> None:
    (root,) = parse_roots(os.fspath(tmp_path), None, None)
    assert root == Root("", os.fspath(tmp_path), os.fspath(tmp_path))
    assert root.run_name("train") == "train"
    assert root.run_name(".") == "."


def test_home_and_relative_paths_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    (root,) = parse_roots("~/logs", None, None)
    assert (root.path_as_given, root.path) == ("~/logs", "/home/somebody/logs")
    (root,) = parse_roots("logs", None, None)
    assert root.path == os.path.join(os.getcwd(), "logs")


@pytest.mark.parametrize(
    ("specification", "expected"),
    [
        ("a:/x,b:/y", [("a", "/x"), ("b", "/y")]),
        ("/x", [("", "/x")]),
        ("/foo:bar/baz", [("", "/foo:bar/baz")]),
        ("name:/x:y", [("name", "/x:y")]),
        ("a:/x,,", [("a", "/x")]),
        ("a:/x,b:/x", [("b", "/x")]),
    ],
)
def test_logdir_spec_is_read_as_tensorboard_reads_it(
    specification: str, expected: list[tuple[str, str]]
) -> None:
    roots = parse_roots("", specification, None)
    assert [(root.event_prefix, root.path) for root in roots] == expected


def test_logdir_spec_agrees_with_tensorboards_own_parser() -> None:
    from tensorboard.backend.event_processing import data_ingester

    specification = "a:/x,/y,b:rel/z,/foo:bar/baz,c:~/w"
    theirs = data_ingester._parse_event_files_spec(specification)
    ours = {root.path: root.event_prefix or None for root in parse_roots("", specification, "")}
    assert ours == theirs


def test_runs_of_a_named_root_begin_with_its_name() -> None:
    (root,) = parse_roots(None, "vgg:/x", None)
    assert root.run_name("train") == "vgg/train"
    assert root.run_name(".") == "vgg"


def test_equal_names_are_numbered_so_that_ids_differ() -> None:
    roots = parse_roots(None, "/a/logs,/b/logs,/c/logs", "/a/ckpt,/b/ckpt")
    assert [root.name for root in roots] == ["", "logs", "logs-2", "ckpt", "ckpt-2"]
    assert len({root.key for root in roots}) == len(roots)


@pytest.mark.parametrize("path", ["gs://bucket/logs", "s3://bucket/x", "hdfs://host/x"])
def test_a_url_is_a_root_as_it_is_given(path: str) -> None:
    for roots in (parse_roots(path, None, None), parse_roots(None, f"run:{path}/", None)):
        assert [(root.path, root.problem) for root in roots] == [(path, None)]
    assert [root.name for root in parse_roots(None, None, path)] == [path.rpartition("/")[2]]


def test_a_file_url_is_a_local_directory(tmp_path: Path) -> None:
    assert parse_roots(f"file://{tmp_path}", None, None)[0].path == str(tmp_path)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("s3://key:secret@bucket/x", "password"),
        ("simplecache::s3://bucket/x", "chains URLs"),
        ("zip://a.zip::s3://bucket/x", "chains URLs"),
        ("reference://x", "leads to other URLs"),
        ("https://host/logs?sig=secret", "query"),
        ("s3://bucket/../other", ".."),
        ("s3://", "no bucket"),
    ],
)
def test_a_url_that_is_refused_is_a_root_with_a_problem_that_shows_no_secret(
    url: str, why: str
) -> None:
    (root,) = parse_roots(url, None, None)
    assert why in (root.problem or "")
    assert "secret" not in repr(root)


def test_extra_directories_have_names_or_take_that_of_the_directory() -> None:
    roots = parse_roots("/logs", None, "vgg:/data/vgg, /data/resnet/")
    assert [(r.name, r.path, r.origin) for r in roots[1:]] == [
        ("vgg", "/data/vgg", "extra"),
        ("resnet", "/data/resnet", "extra"),
    ]


def test_an_extra_directory_without_a_path_says_how_to_write_it() -> None:
    (root,) = parse_roots(None, None, "vgg:")
    assert "Write NAME:PATH" in (root.problem or "")
