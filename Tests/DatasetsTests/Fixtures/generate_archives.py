"""Writes the .npz goldens of DatasetsTests, good and bad, and what is in the good ones.

    python Tests/DatasetsTests/Fixtures/generate_archives.py        # needs numpy
"""

import json
import pathlib
import zipfile

import numpy as np

FOLDER = pathlib.Path(__file__).parent
random = np.random.default_rng(7)


def save(name, compressed=False, **arrays):
    (np.savez_compressed if compressed else np.savez)(FOLDER / f"{name}.npz", **arrays)


colour = random.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)  # N, H, W, C
labels = np.array([3, 0, 9, 1, 3])
planes = np.ascontiguousarray(colour.transpose(0, 3, 1, 2))

save("nhwc-stored", images=colour, labels=labels)
save("nhwc-compressed", compressed=True, images=colour, labels=labels.astype(np.uint8))
save("nchw", x=planes, y=labels.astype(np.int32).reshape(-1, 1))
save("other-names", pixels=colour, classes=labels.astype(">i2"), more=labels)
save("grey", images=colour[..., 0])
save("grey-one-channel", images=np.ascontiguousarray(colour[..., :1]), labels=labels.astype(np.uint64))

save("float-images", images=colour.astype(np.float32), labels=labels)
save("object-labels", images=colour, labels=labels.astype(object))
save("float-labels", images=colour, labels=labels.astype(np.float64))
save("bool-labels", images=colour, labels=labels > 2)
save("negative-label", images=colour, labels=labels - 1)
save("huge-label", images=colour, labels=np.full(5, 2**64 - 1, np.uint64))
save("too-few-labels", images=colour, labels=labels[:4])
save("one-hot", images=colour, labels=np.eye(10, dtype=np.int64)[labels])
save("fortran", images=np.asfortranarray(colour), labels=labels)
save("ambiguous", images=np.ascontiguousarray(colour[:, :3]), labels=labels)
save("no-channels", images=random.integers(0, 256, (5, 4, 6, 2), dtype=np.uint8), labels=labels)
save("rank-two", images=colour.reshape(5, -1), labels=labels)
save("no-images", images=colour[:0], labels=labels[:0])
save("unnamed", data=colour, labels=labels)
save("fields", images=np.zeros(5, dtype=[("r", "u1"), ("g", "u1")]), labels=labels)


def raw(name, content):
    with zipfile.ZipFile(FOLDER / f"{name}.npz", "w") as archive:
        archive.writestr("images.npy", content)


whole = zipfile.ZipFile(FOLDER / "nhwc-stored.npz").read("images.npy")
raw("short-array", whole[:-1])
raw("long-array", whole + b"\0")
raw("short-header", whole[:40])
raw("no-magic", b"NUMPY" + whole)
raw("version-nine", whole[:6] + b"\x09" + whole[7:])
raw("impossible-shape", whole.replace(b"(5, 4, 6, 3), }" + b" " * 20,
                                      b"(5, 4611686018427387904, 6, 3), }  "))

broken = bytearray((FOLDER / "nhwc-stored.npz").read_bytes())
broken[broken.index(colour.tobytes()) + 20] ^= 255
(FOLDER / "wrong-crc.npz").write_bytes(broken)
(FOLDER / "truncated.npz").write_bytes((FOLDER / "nhwc-stored.npz").read_bytes()[:300])

mean, std = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
golden = {
    "pixels": planes.reshape(-1).tolist(),
    "labels": labels.tolist(),
    "grey": colour[..., 0].reshape(-1).tolist(),
    "mean": mean,
    "std": std,
    "normalised": ((colour / 255 - mean) / std).transpose(0, 3, 1, 2).reshape(-1).tolist(),
}
(FOLDER / "archives.json").write_text(json.dumps(golden) + "\n")
