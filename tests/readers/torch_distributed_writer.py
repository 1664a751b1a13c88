"""One of several processes that write a distributed checkpoint together.

Arguments: rank, number of processes, port, directory. Beside the directory lies what was saved,
as one file of `torch.save`.
"""

import os
import sys
import warnings

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor


def save(rank: int, world: int, port: int, directory: str) -> None:
    """One process of the group: every process saves its shards."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        RANK=str(rank),
        WORLD_SIZE=str(world),
        GLOO_SOCKET_IFNAME="lo",
    )
    dist.init_process_group("gloo", rank=rank, world_size=world)
    mesh = init_device_mesh("cpu", (world,))
    torch.manual_seed(0)
    whole = {
        "fc.weight": torch.randn(10, 6),
        "fc.bias": torch.randn(7),
        "column.weight": torch.randn(5_000, 9),
        "last.weight": torch.randn(4, 3, 5),
        "half.weight": torch.randn(6, 4).bfloat16(),
        "copied.weight": torch.randn(4, 9),
    }
    places = {"column.weight": Shard(1), "last.weight": Shard(2), "copied.weight": Replicate()}
    state = {
        key: distribute_tensor(tensor, mesh, [places.get(key, Shard(0))])
        for key, tensor in whole.items()
    }
    dcp.save({"model": state, "epoch": 4, "step": torch.tensor(12)}, checkpoint_id=directory)
    if rank == 0:
        torch.save(whole, f"{directory}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    save(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
