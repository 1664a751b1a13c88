from pathlib import Path

from tb_snapshot_compare.http_api.hiding import hide_roots


def test_files_below_a_root_become_relative_to_it() -> None:
    hide = hide_roots(["/home/me/logs", "/home/me"])
    assert hide("/home/me/logs/run/a.keras is short") == "run/a.keras is short"
    assert hide("/home/me/b.keras is short") == "b.keras is short"
    assert hide("cannot list /home/me/logs") == "cannot list the logdir"
    assert hide("/data/other.keras") == "/data/other.keras"


def test_a_linked_root_is_hidden_under_both_names(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    hide = hide_roots([str(tmp_path / "link")])
    assert hide(f"{tmp_path}/link/a and {tmp_path.resolve()}/real/b") == "a and b"


def test_the_root_of_the_file_system_hides_nothing() -> None:
    assert hide_roots(["/"])("/etc/x") == "/etc/x"


def test_only_whole_paths_are_hidden() -> None:
    hide = hide_roots(["/logs", "/data"])
    assert hide("/logs/exp/logs/ckpt.index is truncated") == "exp/logs/ckpt.index is truncated"
    assert hide("chmod u+r /data/a/data/x.keras") == "chmod u+r a/data/x.keras"
    assert hide("/data2/x and /home/u/data/logs_old") == "/data2/x and /home/u/data/logs_old"
    assert hide("look into /logs.") == "look into the logdir."
