"""Entry of every py_test: runs pytest on the folder that the target names."""

import sys

import pytest

sys.exit(pytest.main(sys.argv[1:]))
