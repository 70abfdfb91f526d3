"""Checks files that Espalier wrote of the zoo's networks.

    scripts/python scripts/zoo/check.py FOLDER

FOLDER has NAME.KIND.onnx and, in NAME.KIND.bin, what Espalier computes with it for two images. Each
file must pass onnx.checker and strict shape inference, and ONNX Runtime must compute the same.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from images import images

TOLERANCE = 1e-4  # of an output's range
REFUSED = 1  # networks that Espalier does not read: ZooNetwork.refused
FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/ZooTests/Fixtures"


def check(path):
    """The greatest difference of an output, relative to its range."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    shapes = [[2 if axis == 0 else d for axis, d in enumerate(i.shape)] for i in inputs]
    feed = {i.name: value for i, value in zip(inputs, images(shapes))}
    ours = np.frombuffer(path.with_suffix(".bin").read_bytes(), "<f4")
    worst = 0.0
    for theirs in session.run(None, feed):
        part, ours = ours[:theirs.size].reshape(theirs.shape), ours[theirs.size:]
        theirs = theirs.astype(np.float32)
        worst = max(worst, float(np.abs(part - theirs).max() / max(np.ptp(theirs), 1e-30)))
    assert ours.size == 0, "outputs of other sizes"
    assert worst <= TOLERANCE, f"ONNX Runtime differs by {worst:.1e} of the range"
    return worst


def main(folder):
    files = sorted(pathlib.Path(folder).glob("*.onnx"))
    wanted = 3 * (len(list(FIXTURES.glob("*.onnx"))) - REFUSED)
    bad, worst = 0, 0.0
    for path in files:
        try:
            worst = max(worst, check(path))
        except Exception as error:  # noqa: BLE001: report every file
            bad += 1
            print(f"FAILED {path.name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    print(f"{len(files) - bad} of {wanted} files: checker, shape inference and ONNX Runtime agree; "
          f"greatest difference {worst:.1e} of an output's range")
    sys.exit(bad > 0 or len(files) != wanted)


if __name__ == "__main__":
    main(sys.argv[1])
