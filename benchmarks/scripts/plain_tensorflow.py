"""The plain way with TensorFlow and NumPy: `plain_tensorflow.py A B`, two checkpoints' prefixes.

Every measure of every tensor, in float64.
"""

import json
import sys

import numpy as np
import tensorflow as tf

a, b = (tf.train.load_checkpoint(path) for path in sys.argv[1:3])
tensors = []
for name in sorted(a.get_variable_to_shape_map()):
    x, y = a.get_tensor(name), b.get_tensor(name)
    nan_a, nan_b = int(np.isnan(x).sum()), int(np.isnan(y).sum())
    inf_a, inf_b = int(np.isinf(x).sum()), int(np.isinf(y).sum())
    changed = float(np.mean((x != y) & ~(np.isnan(x) & np.isnan(y))))
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite].astype(np.float64), y[finite].astype(np.float64)
    d = y - x
    size = np.abs(d)
    both = np.abs(x) + np.abs(y)
    relative = np.divide(2 * size, both, out=np.zeros_like(both), where=both > 0)
    square, square_a, square_b = np.sum(d * d), np.sum(x * x), np.sum(y * y)
    measures = {
        "l2": np.sqrt(square),
        "relative_l2": np.sqrt(square / square_a),
        "l1": np.sum(size),
        "max_abs": np.max(size),
        "mean_abs": np.mean(size),
        "mean_relative_percent": np.mean(relative),
        "cosine": np.sum(x * y) / np.sqrt(square_a * square_b),
        "sign_flips": int(np.sum(x * y < 0)),
        "changed": changed,
    }
    counts = {"nan_a": nan_a, "nan_b": nan_b, "inf_a": inf_a, "inf_b": inf_b}
    tensors.append({"name": name, **measures, **counts})
print(json.dumps({"tensors": tensors}, default=float))
