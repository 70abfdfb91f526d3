"""Writes arrays for networks of several inputs, in every type, and what a network reads of them.

    python Tests/DatasetsTests/Fixtures/generate_arrays.py        # needs numpy
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "arrays"
random = np.random.default_rng(17)
golden = {}


def expect(name, array):
    array = np.asarray(array, np.float64)
    golden[name] = {"shape": list(array.shape), "elements": array.reshape(-1).tolist()}


image = random.integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
mean, std = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.25, 0.3])
expect("image", ((image / 255 - mean) / std).transpose(0, 3, 1, 2))

values = {
    "half": random.normal(0, 3, (4, 1, 5, 6)).astype(np.float16),
    "single": random.normal(0, 3, (4, 7)).astype(np.float32),
    "double": random.normal(0, 3, 4),
    "backwards": random.normal(0, 3, (4, 2)).astype(">f4"),
    "flags": random.integers(0, 2, (4, 3)).astype(bool),
    "words": random.integers(-(2**24), 2**24, (4, 9)),
    "volume": random.normal(0, 1, (4, 2, 3, 1, 2, 2)).astype(np.float32),
}
for name, array in values.items():
    expect(name, array)
np.savez(FOLDER / "several.npz", image=image, labels=np.array([1, 0, 2, 1]), **values)
np.savez(FOLDER / "uneven.npz", a=values["single"], b=values["single"][:3])

floats = random.normal(0.5, 0.2, (4, 3, 5, 2)).astype(np.float32)
np.save(FOLDER / "floats.npy", floats)
expect("floats", floats)
expect("floats-normalised", (floats - mean[:, None, None]) / std[:, None, None])
expect("floats-nhwc", floats.transpose(0, 3, 1, 2))
np.save(FOLDER / "pixels.npy", image)
np.save(FOLDER / "labels.npy", np.array([1, 0, 2, 1], np.uint8))

for name, array in {
    "nan": np.where(np.arange(8) == 5, np.nan, 1.0).reshape(4, 2),
    "overflow": np.full((4, 2), 1e300),
    "large": np.full((4, 2), 2**24 + 1),
    "complex": np.zeros((4, 2), np.complex64),
    "scalar": np.float32(3),
    "text": np.array(["a", "b"]),
    "empty": np.zeros((0, 3), np.float32),
}.items():
    np.save(FOLDER / f"bad-{name}.npy", array)
(FOLDER / "bad-truncated.npy").write_bytes((FOLDER / "floats.npy").read_bytes()[:200])
(HERE / "arrays.json").write_text(json.dumps(golden) + "\n")
