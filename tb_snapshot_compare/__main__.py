"""The command `tb-snapshot-compare`, and `python -m tb_snapshot_compare`."""

import gc
import sys

_COLLECTED_AFTER = 200_000
"""New objects before garbage is looked for. What is loaded stays, and so do the dozens of objects
that a comparison makes for each tensor: every search would walk through all of them."""


def main() -> int:
    """Runs the command line; returns its exit status."""
    gc.set_threshold(_COLLECTED_AFTER)
    try:
        from tb_snapshot_compare import cli

        return cli.main()
    except KeyboardInterrupt:  # before `cli` could tell it as it does
        sys.stderr.write("tb-snapshot-compare: stopped\n")
        return 130
    finally:
        gc.freeze()  # else the interpreter looks through all that goes anyway, at its end


if __name__ == "__main__":
    sys.exit(main())
