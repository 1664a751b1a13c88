"""How far this package's measures of filters are from a reference: `A B REFERENCE FORMAT`.

Prints, by measure, the largest relative error of any filter, and how many filters there are.
"""

import json
import sys

import numpy as np

from tb_snapshot_compare.workspace import compare, open_snapshot

a, b, reference, form = sys.argv[1:]
errors: dict[str, float] = {}
filters = 0
with np.load(reference) as wanted:
    for found in compare(open_snapshot(a), open_snapshot(b)).filters:
        filters += found.filters
        for name, values in found.arrays.items():
            key = f"{form}/{found.tensor}/{name}"
            if key in wanted:
                want, got = wanted[key], np.frombuffer(values, "<f8")
                gap = np.abs(got - want) / np.maximum(np.abs(want), sys.float_info.min)
                errors[name] = max(errors.get(name, 0.0), float(gap.max()))
print(json.dumps({"filters": filters, "errors": errors}))
