"""How much of each network of the zoo Torch-Pruning can prune.

    pip install torch torchvision timm torch-pruning
    python scripts/zoo/compare_torch_pruning.py [NAME...]

Two measures, the same for both programs, when every group that can be pruned keeps half of its
channels, rounded down: the share of the floats that lie in tensors which lose some (the share that
is prunable), and the share that goes. Floats are parameters and the statistics of BatchNorm. The
outputs' own widths stay. What is pruned must still run and give outputs of the same shapes, else
the network counts as broken.

Writes Tests/ZooTests/Fixtures/torch-pruning.json, which a test holds Espalier against.
"""

import json
import sys
import warnings

import blocks
import torch
import torch_pruning
from generate import FIXTURES, ZOO, inputs, module
from torch import nn

LAYERS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def tensors(network):
    """The number of floats of every parameter and statistic, by name."""
    values = dict(network.named_parameters())
    values.update(
        (name, b) for name, b in network.named_buffers()
        if b.dtype == torch.float32 and b.dim() == 1)
    return {name: value.numel() for name, value in values.items()}


def last_layers(name, network):
    """The layers that write outputs: Torch-Pruning has to be told them."""
    layers = [part for part in network.modules() if isinstance(part, LAYERS)]
    if name.startswith("yolo"):
        return [head[1] for scale in network.heads for head in scale]
    if name == "ssd":
        return [*network.boxes, *network.classes]
    if name == "two-inputs":
        return [network.classify, network.measure]
    return [network.head.linear] if name == "levit" else layers[-1:]


def attentions(network):
    """The heads of each layer that writes queries, keys and values: to be told, too."""
    heads = {}
    for part in network.modules():
        if isinstance(getattr(part, "qkv", None), nn.Module):
            count = part.heads if isinstance(part, blocks.Attention) else part.num_heads
            heads[part.qkv.linear if hasattr(part.qkv, "linear") else part.qkv] = count
    return heads


def pruned(name, network, **options):
    example = inputs(ZOO[name], 2, 2)
    before = [value.shape for value in results(network, example)]
    heads = attentions(network)
    pruner = torch_pruning.pruner.MagnitudePruner(
        network, example if len(example) > 1 else example[0],
        importance=torch_pruning.importance.MagnitudeImportance(p=2), pruning_ratio=0.5,
        ignored_layers=last_layers(name, network), num_heads=heads, **options)
    pruner.step()
    for part in network.modules():  # as its examples for timm do
        if hasattr(part, "qkv") and hasattr(part, "head_dim") and isinstance(part.qkv, nn.Linear):
            part.num_heads = pruner.num_heads[part.qkv]
            part.head_dim = part.qkv.out_features // (3 * part.num_heads)
            if hasattr(part, "attn_dim"):
                part.attn_dim = part.num_heads * part.head_dim
    after = [value.shape for value in results(network, example)]
    assert before == after, f"outputs {before} became {after}"


def results(network, example):
    with torch.no_grad():
        values = network(*example)
    return values if isinstance(values, tuple) else (values,)


def measure(name):
    network = module(name)
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    before = tensors(network)
    whole = sum(before.values())
    try:
        pruned(name, network)
    except Exception as error:  # noqa: BLE001: its failures are what we measure
        line = next((line for line in str(error).splitlines() if line.strip()), "")
        return {"floats": whole, "error": f"{type(error).__name__}: {line[:160]}"}
    after = tensors(network)
    prunable = sum(count for name, count in before.items() if after.get(name) != count)
    return {"floats": whole, "prunable": prunable, "removed": whole - sum(after.values())}


def main(names):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    table = {}
    for name in names or ZOO:
        entry = ZOO[name]
        if entry.fuses or entry.exporter == "dynamo":
            continue  # other exports of networks that are there, with BatchNorm folded
        table[name] = row = measure(name)
        share = (
            f"{row['prunable'] / row['floats']:.4f} {row['removed'] / row['floats']:.4f}"
            if "removed" in row else row["error"])
        print(f"{name:24} {row['floats']:8} {share}", flush=True)
    if not names:
        document = {"torch-pruning": torch_pruning.__version__, "networks": table}
        (FIXTURES / "torch-pruning.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
