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
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

SCRIPTS = pathlib.Path(__file__).parent
LIMIT = 240  # seconds for a process that runs many cases

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


class Trial:
    """One set of inputs of a case, as files."""

    def __init__(self, case, values, expected, folder, first_only):
        self.case, self.folder, self.problem = case, folder, None
        self.expected = [array(value) for value in expected]
        values = [array(value) for value in values]
        if any(value is None for value in [*values, *self.expected]):
            self.problem = "inputs or outputs are no tensors of numbers"
            return
        model, inputs = with_constants(case.model, values)
        if first_only:
            del model.graph.output[1:]
        self.outputs = [re.sub("[^A-Za-z0-9._-]", "_", value.name) for value in model.graph.output]
        folder.mkdir(parents=True)
        self.line = [str(folder / "model.onnx")]
        onnx.save(model, self.line[0])
        for index, value in enumerate(inputs.values()):
            self.line.append(str(folder / f"input{index}.npy"))
            # What is computed is computed in 32 bits.
            np.save(self.line[-1], value.astype(np.float32) if value.dtype.kind == "f" else value)

    def verdict(self, out):
        """None where outputs are right, else what is wrong."""
        if (out / "error.txt").exists():
            return f"refused: {(out / 'error.txt').read_text().strip()}"
        for name, wanted in zip(self.outputs, self.expected):
            problem = difference(out / f"{name}.npy", wanted, self.case)
            if problem:
                return f"output {name}: {problem}"
        return None


def run(trials, program, backend):
    """Runs trials in one process, and the rest in another where one of them ends it."""
    results = {}
    waiting = [trial for trial in trials if not trial.problem]
    while waiting:
        lines = ["\t".join([*trial.line, str(trial.folder / backend)]) for trial in waiting]
        listing = waiting[0].folder / f"{backend}.cases"
        listing.write_text("\n".join(lines) + "\n")
        crash = None
        try:
            done = subprocess.run(
                [program, "execute", "--cases", str(listing), "--backend", backend,
                 "--whole-graph"], capture_output=True, text=True, timeout=LIMIT)
            if done.returncode != 0:
                crash = f"CRASH: exit code {done.returncode}: {done.stderr.strip()[-300:]}"
        except subprocess.TimeoutExpired:
            crash = f"CRASH: still running after {LIMIT} s"
        finished = 0
        for trial in waiting:
            if crash and not (trial.folder / backend).exists():
                results[trial] = crash
                break
            results[trial] = trial.verdict(trial.folder / backend)
            finished += 1
        else:
            if crash:
                results[waiting[-1]] = crash
        waiting = waiting[finished + 1:]
    return results | {trial: trial.problem for trial in trials if trial.problem}


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


def trials(cases, folder, exceptions):
    for case in cases:
        first_only = exceptions.matching(case.name, partial=True) is not None
        for number, (values, expected) in enumerate(case.data_sets):
            yield Trial(case, values, expected, folder / f"{case.name}.{number}", first_only)


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
    with tempfile.TemporaryDirectory() as folder:
        every_trial = list(trials(chosen, pathlib.Path(folder), exceptions))
        parts = [(every_trial[start::options.jobs], backend)
                 for backend in options.backend for start in range(options.jobs)]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(lambda part: run(part[0], options.program, part[1]), parts))
    verdicts = []
    for (_, backend), problems in zip(parts, results):
        for trial, problem in problems.items():
            reason = exceptions.matching(trial.case.name, partial=False)
            verdicts.append((trial.case, backend, problem, reason))
    verdicts.sort(key=lambda verdict: verdict[0].name)
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
    for name in sorted({case.name for case, _, _, reason in verdicts if reason}):
        if not any(failures[name]):
            bad += 1
            print(f"FAILED {name} passes, but conformance.skip lists it")
    for pattern in unused:
        bad += 1
        print(f"FAILED {pattern} of conformance.skip matches no case")
    for (backend, verdict), count in sorted(counts.items()):
        print(f"{backend}: {count} {verdict}")
    return 1 if bad else 0


if __name__ == "__main__":
    main()
