"""What TensorBoard imports at its start: flags, and nothing heavy.

TensorBoard imports the entry point eagerly and unguarded, and an exception here would keep
the whole of TensorBoard from starting; everything else is imported in `load`, where an
exception costs this plugin only.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tensorboard.plugins import base_plugin

if TYPE_CHECKING:
    from tb_snapshot_compare.plugin import SnapshotComparePlugin

_FLAGS = (
    (
        "--snapshot_compare_dirs",
        "NAME:PATH,...",
        "Further directories to look for snapshots in, beside the logdir; each is shown under "
        "its name.",
    ),
    (
        "--snapshot_compare_images",
        "DIR,...",
        "Folders of images to run through the snapshots' models: a folder for each class, or "
        "images only. NAME:PATH gives a folder another name.",
    ),
    (
        "--snapshot_compare_model",
        "MODULE:FUNCTION",
        "A function that takes no arguments and returns the Keras model, for networks that are "
        "written in code. The module is found in the directory that TensorBoard is started in, or "
        "among the installed packages; its code runs in a process of its own.",
    ),
    (
        "--snapshot_compare_cache_dir",
        "PATH",
        "Where results are kept. Default: tb_snapshot_compare in the user's cache directory. "
        "'none' keeps nothing on disk.",
    ),
    (
        "--snapshot_compare_allowed_hosts",
        "NAME,...",
        "Further host names under which this TensorBoard may be addressed, for a proxy in front "
        "of it. Loopback names and the value of --host are always allowed.",
    ),
)


class SnapshotCompareLoader(base_plugin.TBLoader):  # type: ignore[misc]  # TensorBoard is untyped
    """Declares the flags and builds the plugin."""

    def define_flags(self, parser: argparse.ArgumentParser) -> None:
        """Adds the `--snapshot_compare_*` flags."""
        group = parser.add_argument_group("snapshot compare plugin")
        for name, metavar, text in _FLAGS:
            try:
                group.add_argument(name, metavar=metavar, type=str, default="", help=text)
            except argparse.ArgumentError:
                # Another copy of this plugin is installed and has added it: TensorBoard would exit.
                continue

    def load(self, context: base_plugin.TBContext) -> SnapshotComparePlugin:
        """Builds the plugin; nothing is scanned or read yet."""
        from tb_snapshot_compare.plugin import SnapshotComparePlugin

        return SnapshotComparePlugin(context)
