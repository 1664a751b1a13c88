"""All of weightscope's values of a pair; its command prints 15 tensors to four digits."""

import json
import sys

from weightscope.diff import diff_models

tensors = [
    {
        "name": tensor.name,
        "max_abs": tensor.max_delta,
        "mean_abs": tensor.mean_abs_delta,
        "changed": tensor.n_changed / tensor.n_params,
    }
    for tensor in diff_models(sys.argv[1], sys.argv[2], threshold=0.0).tensors
]
print(json.dumps({"tensors": tensors}))
