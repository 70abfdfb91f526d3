"""Makes the zoo: small networks of true topology with random weights, as ONNX files.

    pip install torch torchvision timm onnx onnxscript onnxruntime
    python scripts/zoo/generate.py [NAME...]      # three minutes; all networks without names

Writes Tests/ZooTests/Fixtures/NAME.onnx and, when all are made, README.md beside them. Every file
passes the ONNX checker and shape inference, and gives in ONNX Runtime what it gives in PyTorch.
NAME.bin holds what ONNX Runtime makes of two images: all outputs, as little-endian 32-bit floats.
Seeds are fixed; the files are the same for the same versions of the packages.
"""

import dataclasses
import pathlib
import sys
import warnings
import zlib

import classifiers as c
import numpy as np
import onnx
import onnxruntime
import others as o
import torch
from images import images
from oddities import ODDITIES
from torch import nn

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/ZooTests/Fixtures"
TOLERANCE = 2e-4  # of the outputs' range: two implementations in float32


@dataclasses.dataclass
class Entry:
    """A network and how it is exported."""

    build: object
    note: str
    image: tuple = (3, 32, 32)
    opset: int = 13
    exporter: str = "torchscript"
    #: Whether BatchNorm is folded into convolutions, as exporters do by default.
    fuses: bool = False
    #: Whether constant subgraphs are folded.
    folds: bool = True
    inputs: list = None

    def shapes(self):
        return self.inputs or [self.image]


big = (3, 64, 64)
ZOO = {
    "vgg11": Entry(lambda: c.vgg(False), "flattened 2 x 2 maps into linear layers", big),
    "vgg11-bn": Entry(lambda: c.vgg(True), "the same with BatchNorm", big, opset=11),
    "resnet18": Entry(c.resnet18, "basic blocks", big, opset=17),
    "resnet18-new": Entry(c.resnet18, "the new exporter, BatchNorm folded", big, 18, "dynamo", True),
    "resnet50-v1": Entry(
        lambda: c.bottleneck_resnet([8, 12, 16, 24], [24, 32, 40, 48], version="1"),
        "stride in the 1 x 1 convolution", big, fuses=True),
    "resnet50-v1.5": Entry(
        lambda: c.bottleneck_resnet([8, 12, 16, 24], [24, 32, 40, 48]),
        "stride in the 3 x 3 convolution", big, opset=17),
    "resnet20-a": Entry(lambda: c.cifar_resnet("A"), "CIFAR, shortcuts padded with zeros"),
    "resnet20-a-unfolded": Entry(
        lambda: c.cifar_resnet("A"), "the same without constant folding", opset=10, folds=False),
    "resnet20-b": Entry(lambda: c.cifar_resnet("B"), "CIFAR, shortcuts with convolutions", opset=12),
    "resnext50": Entry(
        lambda: c.bottleneck_resnet([16, 24, 32, 40], [24, 32, 40, 48], 4),
        "four groups in the 3 x 3 convolutions", big),
    "wide-resnet16": Entry(c.wide_resnet, "pre-activation", opset=17),
    "densenet": Entry(c.densenet, "torchvision's, growth 8, blocks of 3, 6, 6, 4", big),
    "googlenet": Entry(c.googlenet, "torchvision's blocks, pools with ceil_mode", big),
    "inception-v3": Entry(c.inception_v3, "blocks A to E, 1 x 7 and 7 x 1", (3, 79, 79), opset=17),
    "squeezenet": Entry(c.squeezenet, "torchvision's blocks", big, opset=18),
    "mobilenet-v1": Entry(c.mobilenet_v1, "depthwise", big),
    "mobilenet-v2": Entry(c.mobilenet_v2, "torchvision's", big, opset=12, fuses=True),
    "mobilenet-v3": Entry(c.mobilenet_v3, "torchvision's, gates", big, opset=14),
    "mobilenet-v3-new": Entry(c.mobilenet_v3, "the new exporter", big, 20, "dynamo"),
    "efficientnet-b0": Entry(c.efficientnet_b0, "torchvision's", big),
    "efficientnet-v2": Entry(c.efficientnet_v2, "torchvision's", big, opset=17, fuses=True),
    "mnasnet": Entry(c.mnasnet, "torchvision's blocks", big),
    "shufflenet-v1": Entry(c.shufflenet_v1, "grouped 1 x 1 convolutions, shuffles", big),
    "shufflenet-v2": Entry(c.shufflenet_v2, "torchvision's: halves, shuffles", big),
    "shufflenet-v2-unfolded": Entry(
        c.shufflenet_v2, "the same without constant folding", big, opset=11, folds=False),
    "regnet-x": Entry(lambda: c.regnet(None), "torchvision's", big, opset=17),
    "regnet-y": Entry(lambda: c.regnet(0.25), "torchvision's, gates", big),
    "convnext": Entry(c.convnext, "torchvision's, LayerNormalization nodes", big, opset=17),
    "convnext-textbook": Entry(c.convnext, "the same, LayerNorm written out", big),
    "convnext-new": Entry(c.convnext, "the new exporter", big, 18, "dynamo"),
    "unet-transpose": Entry(lambda: o.UNet("transpose"), "ConvTranspose on the way up"),
    "unet-resize": Entry(lambda: o.UNet("resize"), "Resize (bilinear) on the way up", folds=False),
    "yolo": Entry(o.YOLO, "three outputs, SPPF, neck both ways", big),
    "yolo-decoded": Entry(lambda: o.YOLO(True), "one decoded output", big, opset=17, fuses=True),
    "yolo-new": Entry(o.YOLO, "the new exporter", big, 18, "dynamo"),
    "ssd": Entry(o.SSD, "PReLU, two outputs", big),
    "vit": Entry(c.vit, "timm's", opset=17),
    "vit-textbook": Entry(c.vit, "the same, LayerNorm written out", opset=13, folds=False),
    "vit-fused": Entry(c.vit_fused, "timm's, fused attention, layer scale", opset=18),
    "hybrid": Entry(c.Hybrid, "convolutions, attention, convolutions", opset=17),
    "vit-new": Entry(c.vit, "the new exporter", (3, 32, 32), 20, "dynamo"),
    "levit": Entry(c.levit, "timm's: convolutional stem, attention", big, opset=16),
    "mobilevit": Entry(c.mobilevit, "convolutions and attention between patches", big, opset=17),
    "two-inputs": Entry(o.TwoInputs, "an image and a vector, two outputs",
                        inputs=[(3, 32, 32), (6,)]),
    "norms": Entry(o.Norms, "Group-, Instance-, LayerNorm, layer scales", opset=17),
    "norms-new": Entry(o.Norms, "the new exporter", (3, 32, 32), 21, "dynamo"),
    "waves": Entry(lambda: o.waves(), "1-D, dilated, gated", (2, 64), opset=15),
    "super-resolution": Entry(o.SuperResolution, "SpaceToDepth, DepthToSpace", opset=16),
}


def inputs(entry, batch, seed):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(batch, *shape, generator=generator) for shape in entry.shapes())


def module(name):
    """The network with random weights, in evaluation mode; its activations have ordinary sizes."""
    entry = ZOO[name]
    torch.manual_seed(zlib.crc32(entry.build.__name__.encode()) ^ len(name))
    network = entry.build().eval()
    norms = []
    with torch.no_grad():
        for part in network.modules():
            for key, value in part.named_parameters(recurse=False):
                if value.dim() > 1 and value.shape[0] > 1:
                    fan_in = value[0].numel()
                    if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Linear, nn.ConvTranspose2d)):
                        value.normal_(0, (2 / fan_in) ** 0.5)
                    elif value[0].numel() == 1:  # layer scales [C, 1, 1]
                        value.uniform_(0.5, 1.5)
                    else:
                        value.normal_(0, 0.3)
                elif value.dim() > 1:  # embeddings
                    value.normal_(0, 0.5)
                elif isinstance(part, nn.PReLU):
                    value.uniform_(0.1, 0.4)
                elif key == "bias":
                    value.normal_(0, 0.2)
                else:  # scales of norms and layers
                    value.uniform_(0.5, 1.5)
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                norms.append(part)
                part.momentum = None
                part.train()
        network(*inputs(entry, 32, 1))
        for norm in norms:
            norm.eval()
            norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.8, 1.25)
    return network


def export(name, network, path):
    entry = ZOO[name]
    example = inputs(entry, 2, 2)
    with torch.no_grad():
        results = network(*example)
    results = results if isinstance(results, tuple) else (results,)
    ins = ["input"] if len(example) == 1 else [f"input{i + 1}" for i in range(len(example))]
    outs = ["output"] if len(results) == 1 else [f"output{i + 1}" for i in range(len(results))]
    common = dict(input_names=ins, output_names=outs, opset_version=entry.opset)
    if entry.exporter == "dynamo":
        batch = torch.export.Dim("batch")
        torch.onnx.export(
            network, example, str(path), dynamo=True, external_data=False, verbose=False,
            dynamic_shapes=tuple({0: batch} for _ in example), **common)
    else:
        # PRESERVE keeps BatchNormalization apart from the convolutions, as pruning wants it.
        mode = torch.onnx.TrainingMode
        torch.onnx.export(
            network, example, str(path), dynamo=False, do_constant_folding=entry.folds,
            training=mode.EVAL if entry.fuses else mode.PRESERVE,
            dynamic_axes={value: {0: "batch"} for value in ins + outs}, **common)


def strip(path):
    """Takes out where on this machine each node comes from, which is most of some files."""
    model = onnx.load(path)
    for item in [model, model.graph, *model.functions, *model.graph.node, *model.graph.value_info,
                 *model.graph.initializer, *model.graph.input, *model.graph.output]:
        item.doc_string = ""
        if hasattr(item, "metadata_props"):
            del item.metadata_props[:]
    onnx.save(model, path)


def check(path, feed, expected):
    """The checker, shape inference, and ONNX Runtime against PyTorch on other images."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    actual = session.run(None, dict(zip((i.name for i in session.get_inputs()), feed)))
    for index, value in enumerate(actual):
        span = np.ptp(value)
        varies = value.std(0).max() / span if value.dtype == np.float32 else 1
        assert np.isfinite(value).all() and 1e-3 < span < 1e4, f"output {index}: range {span}"
        assert varies > 0.02, f"output {index} hardly depends on the input: {varies}"
        if expected is not None:
            error = np.abs(value - expected[index].numpy()).max() / span
            assert error < TOLERANCE, f"output {index}: off by {error} of the range"
    shapes = [[2 if axis == 0 else d for axis, d in enumerate(i.shape)] for i in session.get_inputs()]
    outputs = session.run(None, dict(zip((i.name for i in session.get_inputs()), images(shapes))))
    path.with_suffix(".bin").write_bytes(
        b"".join(value.astype("<f4").tobytes() for value in outputs))
    return model


def row(name, model, path, note, exporter):
    weights = list(model.graph.initializer)
    weights += [a.t for n in model.graph.node if n.op_type == "Constant" for a in n.attribute]
    parameters = sum(int(np.prod(w.dims)) for w in weights if w.data_type in (1, 10) and w.dims)
    opset = next(i.version for i in model.opset_import if i.domain in ("", "ai.onnx"))
    return (f"| `{name}` | {note} | {len(model.graph.node)} | {parameters:,} | "
            f"{path.stat().st_size // 1024} | {exporter} | {opset} |")


def make(name):
    path = FIXTURES / f"{name}.onnx"
    if name in ODDITIES:
        onnx.save(ODDITIES[name](), path)
        feed = [np.random.default_rng(3).standard_normal((4, 3, 32, 32)).astype(np.float32)]
        return row(name, check(path, feed, None), path, ODDITIES[name].__doc__.rstrip("."), "onnx.helper")
    entry = ZOO[name]
    network = module(name)
    export(name, network, path)
    strip(path)
    feed = inputs(entry, 4, 3)
    with torch.no_grad():
        expected = network(*feed)
    expected = expected if isinstance(expected, tuple) else (expected,)
    model = check(path, [value.numpy() for value in feed], expected)
    exporter = f"{entry.exporter}{', BatchNorm folded' if entry.fuses else ''}"
    return row(name, model, path, entry.note, exporter + ("" if entry.folds else ", no folding"))


def main(names):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    rows, failures = [], []
    for name in names or [*ZOO, *ODDITIES]:
        try:
            rows.append(make(name))
            print(rows[-1], flush=True)
        except Exception as error:  # noqa: BLE001: report all networks, then fail
            failures.append(name)
            print(f"{name}: {type(error).__name__}: {str(error)[:1500]}", flush=True)
    if failures:
        sys.exit(f"failed: {', '.join(failures)}")
    if not names:
        (FIXTURES / "README.md").write_text(
            "# The zoo\n\nNetworks of true topology, small widths and random weights, made by "
            "`scripts/zoo/generate.py`\nwith "
            f"PyTorch {torch.__version__.split('+')[0]}. Parameters count all floats in the file. `NAME.bin` are\nONNX Runtime's outputs for two images, "
            "which the script defines.\n\n"
            "| file | what | nodes | parameters | KiB | exporter | opset |\n"
            "| --- | --- | --: | --: | --: | --- | --: |\n" + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
