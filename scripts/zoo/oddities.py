"""Networks written node by node, with what exporters of other frameworks leave in files."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


ROWS = 18  # of the last map of `half_precision`


class Graph:
    """Collects nodes and weights; `node` returns the name of its (first) output."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def node(self, operation, inputs, outputs=1, **attributes):
        names = [f"{operation.lower()}{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(
            operation, inputs, names, name=f"{operation}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def weight(self, array, name=None):
        name = name or f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def constant(self, array):
        """A Constant node in place of an initializer."""
        return self.node("Constant", [], value=numpy_helper.from_array(np.asarray(array)))

    def normal(self, shape, fan_in, dtype=np.float32):
        return (self.random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(dtype)

    def norm(self, x, width, **attributes):
        draw = self.random.uniform
        values = [draw(0.5, 1.5, width), draw(-0.3, 0.3, width), draw(-0.3, 0.3, width),
                  draw(0.5, 1.5, width)]
        names = [self.weight(v.astype(np.float32)) for v in values]
        return self.node("BatchNormalization", [x, *names], **attributes)

    def model(self, name, opset, outputs, inputs_have_weights=False, ir=8):
        inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 32, 32])]
        if inputs_have_weights:
            inputs += [helper.make_tensor_value_info(w.name, w.data_type, w.dims)
                       for w in self.weights]
        results = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
                   for output, shape in outputs]
        graph = helper.make_graph(self.nodes, name, inputs, results, self.weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="oddities")
        model.ir_version = ir
        return model


def tensorflow_like():
    """auto_pad everywhere, weights also inputs (IR 3), a value joined with itself, opset 9."""
    g = Graph(11)
    x = g.node("Conv", ["input", g.weight(g.normal((8, 3, 3, 3), 27))], auto_pad="SAME_UPPER",
               strides=[2, 2])
    x = g.node("Relu", [g.norm(x, 8, epsilon=1e-3)])
    y = g.node("Concat", [x, x], axis=1)
    y = g.node("Conv", [y, g.weight(g.normal((12, 16, 3, 3), 144)), g.weight(g.normal(12, 12))],
               auto_pad="SAME_LOWER", kernel_shape=[3, 3])
    y = g.node("MaxPool", [g.node("Elu", [y], alpha=0.7)], auto_pad="SAME_UPPER",
               kernel_shape=[3, 3], strides=[2, 2])
    z = g.node("Conv", [y, g.weight(g.normal((12, 1, 5, 5), 25))], auto_pad="SAME_UPPER", group=12)
    z = g.node("Clip", [g.norm(z, 12)], min=0.0, max=6.0)
    z = g.node("Conv", [z, g.weight(g.normal((16, 12, 1, 1), 12))], auto_pad="VALID")
    a = g.node("AveragePool", [z], auto_pad="SAME_LOWER", kernel_shape=[2, 2], strides=[1, 1])
    z = g.node("Sum", [z, a, z])
    z = g.node("Conv", [g.node("Sigmoid", [z]), g.weight(g.normal((16, 16, 3, 3), 36))],
               auto_pad="VALID", dilations=[2, 2])
    z = g.node("Reshape", [g.node("GlobalAveragePool", [z]), g.weight(np.array([-1, 16]), "shape")])
    z = g.node("MatMul", [z, g.weight(g.normal((16, 12), 16))])
    z = g.node("Tanh", [g.node("Add", [z, g.weight(g.normal(12, 12))])])
    z = g.node("Gemm", [z, g.weight(g.normal((12, 5), 12)), g.weight(g.normal(5, 5))], alpha=0.5,
               beta=2.0)
    g.nodes[-1].output[0] = "logits"
    return g.model("tensorflow-like", 9, [("logits", ["n", 5])], inputs_have_weights=True, ir=3)


def half_precision():
    """float16 weights behind Casts, Constant nodes, ceil_mode, Identity chains, Dropout; opset 13."""
    g = Graph(12)
    def cast(array):
        return g.node("Cast", [g.constant(array.astype(np.float16))], to=TensorProto.FLOAT)
    x = g.node("Conv", ["input", cast(g.normal((8, 3, 3, 3), 27)), cast(g.normal(8, 8))],
               pads=[1, 1, 1, 1])
    x = g.node("Identity", [g.node("Identity", [g.node("LeakyRelu", [x], alpha=0.2)])])
    x = g.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    x, _ = g.node("Dropout", [x, g.constant(np.float32(0.4)), g.constant(np.array(False))], 2)
    y = g.node("Conv", [x, cast(g.normal((16, 4, 3, 3), 36)), cast(g.normal(16, 16))], group=2,
               pads=[0, 1, 2, 1])
    y = g.node("AveragePool", [y], kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0],
               ceil_mode=1, count_include_pad=1)
    y = g.node("HardSigmoid", [y], alpha=0.5, beta=0.4)
    y = g.node("Mul", [y, g.constant(g.random.uniform(0.5, 2, (1, 16, 1, 1)).astype(np.float32))])
    y = g.node("Sub", [g.constant(np.float32(1.5)), y])
    y = g.node("ConvTranspose", [y, cast(g.normal((16, 6, 3, 3), 72)), cast(g.normal(12, 12))],
               group=2, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 0])
    y = g.node("Identity", [g.node("Relu", [y])])
    y = g.node("ReduceMean", [y], axes=[3], keepdims=0)
    y = g.node("Unsqueeze", [y, g.constant(np.array([1]))])
    y = g.node("Flatten", [g.node("Squeeze", [y, g.constant(np.array([1]))])])
    y = g.node("Gemm", [y, cast(g.normal((6, 12 * ROWS), 12)), cast(g.normal(6, 6))], transB=1)
    g.nodes[-1].output[0] = "logits"
    return g.model("half-precision", 13, [("logits", ["n", 6])])


def splits():
    """Uneven Split, Gather of channels, Slice backwards, Pad of channels, Min/Max, Pow, Expand; 18."""
    g = Graph(13)
    def conv(x, inputs, outputs, kernel=3):
        pad = [kernel // 2] * 4
        return g.node("Conv", [x, g.weight(g.normal((outputs, inputs, kernel, kernel),
                                                   inputs * kernel**2)),
                               g.weight(g.normal(outputs, outputs))], pads=pad)
    x = g.node("Relu", [conv("input", 3, 20)])
    a, b, c = g.node("Split", [x, g.weight(np.array([4, 10, 6]))], 3, axis=1)
    a = g.node("Erf", [conv(a, 4, 12)])
    b = g.node("Gather", [conv(b, 10, 16), g.weight(np.array([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 15]))],
               axis=1)
    c = g.node("Slice", [conv(c, 6, 12), g.weight(np.array([11])), g.weight(np.array([-13])),
                         g.weight(np.array([1])), g.weight(np.array([-1]))])
    c = g.node("Max", [c, b, g.weight(np.float32(-0.8))])
    y = g.node("Min", [g.node("Add", [a, c]), g.weight(np.float32(3))])
    first, second = g.node("Split", [y], 2, axis=1, num_outputs=2)
    y = g.node("Mul", [first, g.node("Tanh", [second])])
    y = g.node("Pad", [y, g.weight(np.array([0, 2, 1, 0, 0, 4, 0, 1]))])
    y = g.node("Add", [conv(y, 12, 12), g.node("Pow", [y, g.weight(np.float32(2))])])
    scale = g.node("Sqrt", [g.weight(g.random.uniform(0.5, 2, (12, 1, 1)).astype(np.float32))])
    y = g.node("Div", [y, scale])
    pooled = g.node("ReduceMax", [y, g.weight(np.array([2, 3]))], keepdims=1)
    pooled = g.node("Expand", [pooled, g.weight(np.array([1, 12, 33, 33]))])
    y = g.node("Concat", [y, pooled], axis=-3)
    y = g.node("HardSwish", [conv(y, 24, 16)])
    y = g.node("MaxPool", [y], kernel_shape=[11, 11], strides=[11, 11])
    g.node("ArgMax", [conv(y, 16, 6, 1)], axis=1, keepdims=0)
    g.nodes[-1].output[0] = "labels"
    y = g.node("ReduceSum", [y, g.weight(np.array([-2, -1]))], keepdims=0)
    y = g.node("Mul", [y, g.weight(np.float32(0.02))])
    y = g.node("Gemm", [y, g.weight(g.normal((16, 6), 16))])
    g.node("Softmax", [y])
    g.nodes[-1].output[0] = "scores"
    model = g.model("splits", 18, [("scores", ["n", 6])])
    model.graph.output.append(helper.make_tensor_value_info("labels", TensorProto.INT64, ["n", 3, 3]))
    return model


def alexnet():
    """AlexNet as Caffe's converter writes it: LRN, two groups; opset 9."""
    g = Graph(14)
    def conv(x, inputs, outputs, kernel, groups=1, stride=1):
        weight = g.weight(g.normal((outputs, inputs // groups, kernel, kernel),
                                   inputs // groups * kernel**2))
        x = g.node("Conv", [x, weight, g.weight(g.normal(outputs, outputs))], group=groups,
                   kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4, strides=[stride] * 2)
        return g.node("Relu", [x])
    def pool(x):
        return g.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2])
    def norm(x):
        return g.node("LRN", [x], size=5, alpha=0.05, beta=0.75, bias=1.5)
    def linear(x, inputs, outputs):
        return g.node("Gemm", [x, g.weight(g.normal((outputs, inputs), inputs)),
                               g.weight(g.normal(outputs, outputs))], transB=1)
    x = pool(norm(conv("input", 3, 12, 5)))
    x = pool(norm(conv(x, 12, 16, 5, 2)))
    x = conv(conv(conv(x, 16, 24, 3), 24, 24, 3, 2), 24, 16, 3, 2)
    x = g.node("Reshape", [pool(x), g.weight(np.array([0, -1]))])
    x = g.node("Dropout", [g.node("Relu", [linear(x, 144, 48)])], ratio=0.5)
    linear(g.node("Relu", [linear(x, 48, 32)]), 32, 10)
    g.nodes[-1].output[0] = "scores"
    return g.model("alexnet", 9, [("scores", ["n", 10])])


ODDITIES = {
    "alexnet": alexnet,
    "tensorflow-like": tensorflow_like, "half-precision": half_precision, "splits": splits,
}
