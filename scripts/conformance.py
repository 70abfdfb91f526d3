"""Runs the node tests of the onnx package on both backends of Espalier.

A case is a small model with inputs and the outputs it must give. All cases are run whose operators
are in OPERATORS. Amounts that networks have as constants (weights, shapes, axes) come as inputs in
the cases; they are made initializers first. scripts/conformance.skip lists the cases that cannot
pass, each with its reason. The script fails where a case that is not listed fails, or one that is
listed passes: the list is exact.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

SCRIPTS = pathlib.Path(__file__).parent
LIMIT = 30  # seconds for one case

# Operators and, for each, which of its inputs are constants in networks.
OPERATORS = dict.fromkeys(
    """Add ArgMax AveragePool Cast Concat Constant DepthToSpace Div Elu Erf Flatten Gelu
    GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish Identity LRN LeakyRelu MatMul Max MaxPool
    Min Mish Mul Pow Relu Shape Sigmoid Softmax Softplus SpaceToDepth Sqrt Sub Sum Swish Tanh
    Transpose""".split(), ())
OPERATORS |= {
    "BatchNormalization": (1, 2, 3, 4), "Clip": (1, 2), "ConstantOfShape": (0,), "Conv": (1, 2),
    "ConvTranspose": (1, 2), "Dropout": (1, 2), "Expand": (1,), "Gather": (1,), "Gemm": (1, 2),
    "GroupNormalization": (1, 2), "InstanceNormalization": (1, 2), "LayerNormalization": (1, 2),
    "PRelu": (1,), "Pad": (1, 2, 3), "ReduceMax": (1,), "ReduceMean": (1,), "ReduceSum": (1,),
    "Reshape": (1,), "Resize": (1, 2, 3), "Slice": (1, 2, 3, 4), "Split": (1,), "Squeeze": (1,),
    "Unsqueeze": (1,),
}


class Exceptions:
    """scripts/conformance.skip: patterns of names, how far each case is excepted, and why."""

    def __init__(self, path):
        self.entries = []
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                pattern, reason = line.split(None, 1)
                self.entries.append((pattern.lstrip("~"), pattern.startswith("~"), reason))

    def matching(self, name, partial):
        return next((reason for pattern, is_partial, reason in self.entries
                     if is_partial == partial and fnmatch.fnmatchcase(name, pattern)), None)

    def unused(self, names):
        return [pattern for pattern, _, _ in self.entries
                if not any(fnmatch.fnmatchcase(name, pattern) for name in names)]


def cases():
    from onnx.backend.test.case.node import collect_testcases
    for case in collect_testcases(None):
        nodes = case.model.graph.node
        if "castlike" in case.name:
            continue  # another operator, which exporters do not write, in terms of Cast
        if all(node.op_type in OPERATORS and node.domain in ("", "ai.onnx") for node in nodes):
            yield case


def array(value):
    """A tensor of a case as NumPy has it; kinds of floats that it has not become float32."""
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind in "OSU":
        return None
    value = np.asarray(value)
    return value.astype(np.float32) if value.dtype.kind not in "biuf" else value


def with_constants(model, values):
    """The model with constant amounts as initializers, and the values of the inputs that remain."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    inputs = {value.name: data for value, data in zip(model.graph.input, values)}
    constants = {node.input[index] for node in model.graph.node
                 for index in OPERATORS[node.op_type] if index < len(node.input)}
    for name in sorted(constants & set(inputs)):
        model.graph.initializer.append(numpy_helper.from_array(inputs.pop(name), name))
    kept = [value for value in model.graph.input if value.name in inputs]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return model, inputs


def run(case, program, backend, folder, first_only):
    """None where the case passes, else what went wrong."""
    for values, expected in case.data_sets:
        values, expected = [array(v) for v in values], [array(v) for v in expected]
        if any(value is None for value in [*values, *expected]):
            return "inputs or outputs are no tensors of numbers"
        model, inputs = with_constants(case.model, values)
        if first_only:
            del model.graph.output[1:]
        onnx.save(model, folder / "model.onnx")
        command = [program, "execute", str(folder / "model.onnx"), "--backend", backend,
                   "--whole-graph", "--output-dir", str(folder / "out")]
        for index, (name, value) in enumerate(inputs.items()):
            path = folder / f"input{index}.npy"
            np.save(path, value)
            command += ["--input", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return f"CRASH: still running after {LIMIT} s"
        if done.returncode < 0 or done.returncode >= 128:
            return f"CRASH: exit code {done.returncode}: {done.stderr[-300:]}"
        if done.returncode != 0:
            return f"refused: {done.stderr.strip() or done.stdout.strip()}"
        for value, wanted in zip(model.graph.output, expected):
            problem = difference(folder / "out" / f"{value.name}.npy", wanted, case)
            if problem:
                return f"output {value.name}: {problem}"
    return None


def difference(path, wanted, case):
    if not path.exists():
        return f"{path.name} was not written"
    actual = np.load(path)
    if actual.shape != wanted.shape:
        return f"shape {actual.shape} instead of {wanted.shape}"
    try:
        np.testing.assert_allclose(
            actual.astype(np.float64), wanted.astype(np.float64), rtol=case.rtol, atol=case.atol)
    except (AssertionError, TypeError, ValueError) as error:
        return "WRONG: " + " ".join(str(error).split())[:300]
    return None


def check(case, options, exceptions):
    """A verdict for each backend: (case, backend, problem, exception)."""
    first_only = exceptions.matching(case.name, partial=True) is not None
    reason = exceptions.matching(case.name, partial=False)
    verdicts = []
    for backend in options.backend:
        with tempfile.TemporaryDirectory() as folder:
            problem = run(case, options.program, backend, pathlib.Path(folder), first_only)
        verdicts.append((case, backend, problem, reason))
    return verdicts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="cases to run, such as 'test_conv*'; all if none")
    parser.add_argument("--backend", action="append", choices=["reference", "onednn"])
    parser.add_argument("--program", help="espalier; found in .build or on the PATH if not given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    options.backend = options.backend or ["reference", "onednn"]
    builds = [SCRIPTS.parent / ".build" / kind / "espalier" for kind in ("release", "debug")]
    options.program = options.program or next(
        (str(path) for path in builds if path.exists()), shutil.which("espalier"))
    if not options.program:
        sys.exit("conformance: there is no espalier; run `swift build`")

    warnings.simplefilter("ignore")
    exceptions = Exceptions(SCRIPTS / "conformance.skip")
    every = list(cases())
    chosen = [case for case in every if not options.names or any(
        fnmatch.fnmatchcase(case.name, name) for name in options.names)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        verdicts = [verdict for verdicts in
                    pool.map(lambda case: check(case, options, exceptions), chosen)
                    for verdict in verdicts]
    sys.exit(report(verdicts, exceptions.unused([case.name for case in every])))


def report(verdicts, unused):
    counts, bad = collections.Counter(), 0
    failures = collections.defaultdict(list)
    for case, backend, problem, reason in verdicts:
        failures[case.name].append(problem)
        # A crash or a wrong answer is never excused.
        harmful = problem is not None and any(w in problem for w in ("CRASH", "WRONG"))
        if problem is not None and (reason is None or harmful):
            bad += 1
            counts[backend, "failed"] += 1
            print(f"FAILED {case.name} ({backend}): {problem}")
        else:
            counts[backend, "passed" if problem is None else "excepted"] += 1
    for case, backend, problem, reason in verdicts:
        if reason and backend == verdicts[0][1] and not any(failures[case.name]):
            bad += 1
            print(f"FAILED {case.name} passes, but conformance.skip lists it: {reason}")
    for pattern in unused:
        bad += 1
        print(f"FAILED {pattern} of conformance.skip matches no case")
    for (backend, verdict), count in sorted(counts.items()):
        print(f"{backend}: {count} {verdict}")
    return 1 if bad else 0


if __name__ == "__main__":
    main()
