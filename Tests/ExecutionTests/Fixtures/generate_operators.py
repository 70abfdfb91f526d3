"""Writes operators.json: inputs and outputs of single operators, computed by ONNX Runtime.

    /path/to/python generate_operators.py      # needs numpy, onnx, onnxruntime

Every case is one node; OperatorGoldenTests.swift has the operator it becomes under the same name.
Where ONNX Runtime departs from the standard or lacks an operator, onnx's own reference evaluator
computes the case (REFERENCE below).
"""

import json
import pathlib

import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

OPSET = 20
# ONNX Runtime takes the written extent for the scaled one in align_corners (see op_resize.py);
# it has no dilated average pooling.
REFERENCE = {"resize-align-corners-fractional", "pool-average-dilated"}
random = np.random.default_rng(3)
cases = {}


def tensor(*shape, low=-2, high=2):
    """Multiples of 1/32, which decimals of five places write exactly."""
    return (random.integers(low * 32, high * 32 + 1, shape) / 32).astype(np.float32)


def case(name, operator, inputs, amounts=(), **attributes):
    """A node of float inputs and constant `amounts`; None leaves an input out."""
    names, feeds, initializers = [], {}, []
    for index, value in enumerate([*inputs, *amounts]):
        names.append("" if value is None else f"i{index}")
        if value is None:
            continue
        if index < len(inputs):
            feeds[f"i{index}"] = value
        else:
            kind = TensorProto.INT64 if value.dtype == np.int64 else TensorProto.FLOAT
            initializers.append(
                helper.make_tensor(f"i{index}", kind, value.shape, value.flatten()))
    node = helper.make_node(operator, names, ["y"], **attributes)
    graph = helper.make_graph(
        [node], name,
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, v.shape)
         for key, v in feeds.items()],
        [helper.make_tensor_value_info("y", TensorProto.INT64 if operator.startswith("Arg")
                                       else TensorProto.FLOAT, None)], initializers)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    if name in REFERENCE:
        (y,) = ReferenceEvaluator(model).run(None, feeds)
    else:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        (y,) = session.run(None, feeds)
    assert name not in cases and np.isfinite(y).all(), name
    cases[name] = {"inputs": [encoded(v) for v in feeds.values()], "output": encoded(y)}


def encoded(value):
    return {"shape": list(value.shape), "elements": [float(f"{v:.8g}") for v in value.flatten()]}


def ints(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)


# Convolutions.
case("conv-1d-dilated", "Conv", [tensor(2, 3, 9), tensor(4, 3, 3), tensor(4)],
     dilations=[2], pads=[3, 1], strides=[2])
case("conv-2d-grouped", "Conv", [tensor(2, 4, 5, 6), tensor(6, 2, 3, 2), tensor(6)],
     group=2, pads=[1, 0, 2, 1], strides=[2, 1])
case("conv-3d", "Conv", [tensor(1, 2, 3, 4, 4), tensor(2, 2, 2, 2, 3)], pads=[1, 0, 1, 0, 1, 1])
case("transposed-1d", "ConvTranspose", [tensor(2, 3, 4), tensor(3, 2, 3), tensor(2)],
     strides=[3], output_padding=[2], pads=[1, 1])
case("transposed-2d-grouped-dilated", "ConvTranspose",
     [tensor(2, 4, 3, 3), tensor(4, 3, 2, 3), tensor(6)],
     group=2, strides=[2, 1], dilations=[2, 2], pads=[1, 0, 0, 2], output_padding=[1, 0])
case("transposed-3d", "ConvTranspose", [tensor(1, 2, 2, 2, 3), tensor(2, 1, 2, 2, 2)],
     strides=[1, 2, 2])

# Products.
case("gemm-scaled", "Gemm", [tensor(3, 4), tensor(5, 4), tensor(5)],
     alpha=0.5, beta=2.0, transB=1)
case("gemm-plain", "Gemm", [tensor(3, 4), tensor(4, 2), tensor(1)])
case("matmul-broadcast", "MatMul", [tensor(2, 1, 3, 4), tensor(3, 4, 2)])
case("matmul-row", "MatMul", [tensor(4), tensor(2, 4, 3)])
case("matmul-column", "MatMul", [tensor(2, 3, 4), tensor(4)])
case("matmul-inner", "MatMul", [tensor(4), tensor(4)])

# Normalisations.
case("batch-normalization", "BatchNormalization",
     [tensor(2, 3, 2, 2), tensor(3), tensor(3), tensor(3), tensor(3, low=1)], epsilon=1e-3)
case("layer-normalization", "LayerNormalization", [tensor(2, 3, 4), tensor(3, 4), tensor(4)],
     axis=1, epsilon=1e-3)
case("layer-normalization-last", "LayerNormalization", [tensor(2, 3, 4), tensor(4)])
case("instance-normalization", "InstanceNormalization",
     [tensor(2, 3, 5), tensor(3), tensor(3)], epsilon=1e-2)
OPSET = 21
case("group-normalization", "GroupNormalization", [tensor(2, 6, 2, 2), tensor(6), tensor(6)],
     num_groups=3, epsilon=1e-3)
OPSET = 20
case("lrn-odd", "LRN", [tensor(2, 5, 2, 2)], size=3, alpha=0.5, beta=0.6, bias=1.5)
case("lrn-wide", "LRN", [tensor(1, 4, 1, 2)], size=7, alpha=0.25)

# Functions of one value; the inputs reach where exponentials overflow.
x = np.concatenate([tensor(24, low=-6, high=6), floats(-100, -20, -0.5, 0, 0.5, 1.5, 2.5, 100)])
for name, operator, attributes in [
        ("relu", "Relu", {}), ("leaky-relu", "LeakyRelu", {"alpha": 0.25}),
        ("thresholded-relu", "ThresholdedRelu", {"alpha": 1.5}), ("sigmoid", "Sigmoid", {}),
        ("tanh", "Tanh", {}), ("hard-sigmoid", "HardSigmoid", {"alpha": 0.3, "beta": 0.4}),
        ("hard-swish", "HardSwish", {}), ("mish", "Mish", {}), ("gelu", "Gelu", {}),
        ("gelu-tanh", "Gelu", {"approximate": "tanh"}), ("elu", "Elu", {"alpha": 0.75}),
        ("selu", "Selu", {"alpha": 1.5, "gamma": 1.25}), ("celu", "Celu", {"alpha": 0.5}),
        ("softplus", "Softplus", {}), ("softsign", "Softsign", {}), ("erf", "Erf", {}),
        ("absolute", "Abs", {}), ("negation", "Neg", {}), ("floor", "Floor", {}),
        ("ceiling", "Ceil", {}), ("round", "Round", {})]:
    case(name, operator, [x], **attributes)
case("clip", "Clip", [x], [floats(-1.5).reshape(()), floats(2).reshape(())])
case("exponential", "Exp", [tensor(8)])
positive = tensor(8, low=1, high=6)
for name, operator in [
        ("logarithm", "Log"), ("square-root", "Sqrt"), ("reciprocal", "Reciprocal")]:
    case(name, operator, [positive])
case("prelu", "PRelu", [tensor(2, 3, 2), tensor(3, 1)])

# Functions of two values.
for operator in ["Add", "Sub", "Mul", "Div", "Min", "Max"]:
    case(f"broadcast-{operator.lower()}", operator, [tensor(2, 1, 3), tensor(4, 1, low=1)])
case("broadcast-pow", "Pow", [tensor(3, 1, low=1), tensor(2)])

# Along axes.
case("softmax", "Softmax", [tensor(2, 3, 4)], axis=1)
case("log-softmax", "LogSoftmax", [tensor(2, 5)], axis=-1)
for operator in ["Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"]:
    case(f"reduce-{operator.lower()}", f"Reduce{operator}", [tensor(2, 3, 4)], [ints(0, 2)],
         keepdims=1)
case("reduce-logsum", "ReduceLogSum", [tensor(2, 3, 2, low=1)], [ints(1)], keepdims=0)
case("arg-max", "ArgMax", [tensor(3, 6, 2, low=-1, high=0)], axis=1, keepdims=0)
case("arg-min-last", "ArgMin", [np.round(tensor(3, 6))], axis=-1, select_last_index=1)

# Windows.
case("pool-max-dilated", "MaxPool", [tensor(2, 2, 7, 7)],
     kernel_shape=[2, 3], dilations=[2, 2], pads=[1, 2, 0, 1], strides=[2, 1])
case("pool-max-ceil", "MaxPool", [tensor(1, 2, 6, 8)],
     kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1)
case("pool-max-1d", "MaxPool", [tensor(1, 2, 6)], kernel_shape=[2], strides=[2])
case("pool-average-padded", "AveragePool", [tensor(1, 2, 5, 5)],
     kernel_shape=[3, 2], pads=[1, 1, 1, 0], strides=[2, 2], count_include_pad=1)
case("pool-average-ceil", "AveragePool", [tensor(1, 1, 6, 6)],
     kernel_shape=[3, 3], pads=[1, 0, 0, 0], strides=[2, 2], ceil_mode=1)
case("pool-average-dilated", "AveragePool", [tensor(1, 1, 6, 6)],
     kernel_shape=[2, 2], dilations=[2, 3], pads=[1, 1, 1, 1])
case("pool-average-3d", "AveragePool", [tensor(1, 1, 3, 3, 4)], kernel_shape=[2, 2, 2])
case("pool-global-average", "GlobalAveragePool", [tensor(2, 3, 4, 2)])
case("pool-global-max", "GlobalMaxPool", [tensor(2, 3, 4)])

# Movements.
case("concat", "Concat", [tensor(2, 1, 2), tensor(2, 3, 2)], axis=1)
case("gather", "Gather", [tensor(2, 4, 2)], [ints(3, 0, 3)], axis=1)
case("slice", "Slice", [tensor(4, 5, 3)], [ints(1, 0), ints(4, 5), ints(0, 1), ints(1, 2)])
for mode in ["constant", "reflect", "edge", "wrap"]:
    case(f"pad-{mode}", "Pad", [tensor(2, 3, 4)],
         [ints(0, 2, 3, 0, 1, 2), floats(1.5).reshape(())], mode=mode)
case("transpose", "Transpose", [tensor(2, 3, 4)], perm=[2, 0, 1])
case("expand", "Expand", [tensor(3, 1)], [ints(2, 3, 4)])
case("flatten", "Flatten", [tensor(2, 3, 2)], axis=2)
case("depth-to-space", "DepthToSpace", [tensor(1, 8, 2, 3)], blocksize=2, mode="DCR")
case("depth-to-space-fast", "DepthToSpace", [tensor(1, 8, 2, 3)], blocksize=2, mode="CRD")
case("space-to-depth", "SpaceToDepth", [tensor(1, 2, 4, 6)], blocksize=2)

# Resizes: by scales and by extents, up and down.
NONE = np.zeros(0, np.float32)
for mode in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
    case(f"resize-nearest-{mode}", "Resize", [tensor(1, 1, 4, 6)],
         [NONE, floats(1, 1, 1.75, 0.5)], mode="nearest", nearest_mode=mode)
for mode in ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
             "asymmetric"]:
    case(f"resize-linear-{mode}", "Resize", [tensor(1, 2, 3, 4)],
         [NONE, None, ints(1, 2, 5, 1 if mode == "pytorch_half_pixel" else 3)],
         mode="linear", coordinate_transformation_mode=mode)
    case(f"resize-cubic-{mode}", "Resize", [tensor(1, 1, 4, 5)],
         [NONE, floats(1, 1, 2, 1.5)] if mode != "align_corners"
         else [NONE, None, ints(1, 1, 8, 7)],
         mode="cubic", coordinate_transformation_mode=mode)
case("resize-align-corners-fractional", "Resize", [tensor(1, 1, 5, 4)],
     [NONE, floats(1, 1, 0.7, 0.6)], mode="linear",
     coordinate_transformation_mode="align_corners")
case("resize-cubic-outside", "Resize", [tensor(1, 1, 4, 4)], [NONE, floats(1, 1, 2, 1.75)],
     mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
case("resize-linear-antialias", "Resize", [tensor(1, 1, 7, 6)], [NONE, None, ints(1, 1, 3, 4)],
     mode="linear", antialias=1)
case("resize-cubic-antialias", "Resize", [tensor(1, 1, 8, 7)], [NONE, floats(1, 1, 0.5, 0.6)],
     mode="cubic", antialias=1)
case("resize-linear-3d", "Resize", [tensor(1, 1, 2, 3, 2)], [NONE, floats(1, 1, 2, 1.5, 3)],
     mode="linear")

path = pathlib.Path(__file__).with_name("operators.json")
body = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}"
                  for k, v in cases.items())
path.write_text("{\n" + body + "\n}\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
