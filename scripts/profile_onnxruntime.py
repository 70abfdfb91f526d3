#!/usr/bin/env python3
"""Measures layers on a device with ONNX Runtime and writes a latency table as CSV.

    espalier profile model.onnx --layers layers/      # anywhere: writes the layers as models
    python3 profile_onnxruntime.py layers/ table.csv  # on the device

Needs Python and onnxruntime (which brings NumPy). Every layer is run alone on one image, with a
warm-up; the median and half the distance of the quartiles are written. Started again it goes on
after the rows that are there. Columns: shape,in,out,ms,spread; energies (mj) can be added by hand.
"""

import argparse
import csv
import os
import sys
import time

import numpy as np
import onnxruntime as ort


def inputs(session, generator):
    """One image for every input: axes without an extent are the batch."""
    feed = {}
    for value in session.get_inputs():
        shape = [extent if isinstance(extent, int) and extent > 0 else 1 for extent in value.shape]
        feed[value.name] = generator.standard_normal(shape).astype(np.float32)
    return feed


def measure(path, arguments):
    options = ort.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=[arguments.provider])
    feed = inputs(session, np.random.default_rng(1))
    for _ in range(arguments.warm_up):
        session.run(None, feed)
    times = []
    until = time.perf_counter() + arguments.seconds
    while len(times) < arguments.repeats or time.perf_counter() < until:
        start = time.perf_counter_ns()
        session.run(None, feed)
        times.append(time.perf_counter_ns() - start)
    low, median, high = np.quantile(times, [0.25, 0.5, 0.75]) / 1e6
    return median, (high - low) / 2


def known(path):
    """The rows of a table that is there already; a last line without an end is dropped."""
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="utf-8") as file:
        text = file.read()
    lines = [line for line in text[: text.rfind("\n") + 1].splitlines() if not line.startswith("#")]
    return [row for row in csv.reader(lines) if len(row) == 5 and row[0] != "shape"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("layers", help="the folder that `espalier profile --layers` wrote")
    parser.add_argument("output", help="the table, a CSV file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.02, help="the least time for each layer")
    parser.add_argument("--provider", default="CPUExecutionProvider")
    arguments = parser.parse_args()
    if arguments.provider not in ort.get_available_providers():
        sys.exit(f"no provider {arguments.provider} here; there are {ort.get_available_providers()}")
    with open(os.path.join(arguments.layers, "layers.csv"), newline="", encoding="utf-8") as file:
        layers = list(csv.DictReader(file))
    rows = known(arguments.output)
    done = {tuple(row[:3]) for row in rows}
    with open(arguments.output, "w", newline="", encoding="utf-8") as file:
        file.write(f"# onnxruntime {ort.__version__}, {arguments.provider}, ")
        file.write(f"threads {arguments.threads}, repeats {arguments.repeats}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["shape", "in", "out", "ms", "spread"])
        writer.writerows(rows)
        for place, layer in enumerate(layers):
            key = (layer["shape"], layer["in"], layer["out"])
            if key in done:
                continue
            median, spread = measure(os.path.join(arguments.layers, layer["file"]), arguments)
            writer.writerow([*key, f"{max(median, 1e-6):.6f}", f"{spread:.6f}"])
            file.flush()
            if place % 50 == 49 or place + 1 == len(layers):
                print(f"{place + 1} of {len(layers)}", file=sys.stderr)


if __name__ == "__main__":
    main()
