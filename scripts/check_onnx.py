#!/usr/bin/env python3
"""Checks a written ONNX model, and compares it with the one it came from.

    scripts/check_onnx.py MODEL [ORIGINAL]

MODEL must pass onnx.checker with full shape inference and load in ONNX Runtime. With ORIGINAL,
input and output names must agree, and outputs on random images must be equal to within
TOLERANCE: the same arithmetic in another order of nodes.

Needs the Python packages onnx, onnxruntime and numpy.
"""

import os
import sys

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-5  # of the greatest output; fusions of ONNX Runtime may round differently
BATCH = 3


def load(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def interface(session):
    return [v.name for v in session.get_inputs()], [v.name for v in session.get_outputs()]


def main(path, original=None):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    session = load(path)
    parameters = sum(int(np.prod(t.dims)) for t in model.graph.initializer if t.data_type == 1)
    print(f"{path}: valid, {os.path.getsize(path)} bytes, {parameters} floats in initializers")
    if original is None:
        return
    reference = load(original)
    assert interface(session) == interface(reference), "names of inputs or outputs differ"
    generator = np.random.default_rng(0)
    feed = {}
    for value in reference.get_inputs():
        shape = [d if isinstance(d, int) else BATCH for d in value.shape]
        feed[value.name] = generator.standard_normal(shape).astype(np.float32)
    for value, a, b in zip(
        reference.get_outputs(), session.run(None, feed), reference.run(None, feed)
    ):
        difference = float(np.abs(a - b).max() / np.abs(b).max())
        print(f"  {value.name} {a.shape}: relative difference {difference:.1e}")
        assert a.shape == b.shape and difference <= TOLERANCE, "outputs differ"
    print(f"  original: {os.path.getsize(original)} bytes")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
