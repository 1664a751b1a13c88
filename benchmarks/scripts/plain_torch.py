"""The plain way with PyTorch: `plain_torch.py SNAPSHOT SNAPSHOT...`, each with the one before.

`.pt` files are mapped, which is the quickest way to open them.
"""

import json
import sys

import torch
from safetensors.torch import load_file


def opened(path: str) -> dict[str, torch.Tensor]:
    if path.endswith(".pt"):
        state: dict[str, torch.Tensor] = torch.load(path, mmap=True, weights_only=True)
        return state
    return load_file(path)


pairs = []
a = opened(sys.argv[1])
for path in sys.argv[2:]:
    b = opened(path)
    tensors = []
    for name, x in a.items():
        x, y = x.float().flatten(), b[name].float().flatten()
        d = y - x
        tensors.append(
            {
                "name": name,
                "l2": d.norm().item(),
                "relative_l2": (d.norm() / x.norm()).item(),
                "max_abs": d.abs().max().item(),
                "mean_abs": d.abs().mean().item(),
                "cosine": torch.nn.functional.cosine_similarity(x, y, dim=0).item(),
            }
        )
    pairs.append({"tensors": tensors})
    a = b
print(json.dumps(pairs[0] if len(pairs) == 1 else {"pairs": pairs}))
