"""Writes small JPEG and PNG files of every kind, and what Pillow and torchvision make of them.

    python Tests/DatasetsTests/Fixtures/generate_images.py    # needs numpy, pillow, torchvision

`images.json` was written with Pillow 13.0.0 (libjpeg-turbo 3.2.0) and torchvision 0.29.2.
"""

import base64
import hashlib
import json
import pathlib
import struct
import tempfile
import zlib

import numpy as np
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as transforms

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "images"
random = np.random.default_rng(11)


def picture(height, width, channels=3):
    """Waves with noise and a hard edge: something for every filter to do."""
    y, x = np.mgrid[0:height, 0:width] / 9.0
    planes = [127 + 90 * np.sin(x * (c + 1)) * np.cos(y + c) for c in range(channels)]
    image = np.stack(planes, -1) + random.normal(0, 12, (height, width, channels))
    image[: height // 2, : width // 3] = 255
    image[height // 2 :, : width // 4] = 0
    return np.clip(image, 0, 255).astype(np.uint8)


# --- PNG: Pillow writes few of the kinds, so they are written here.

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]


def chunk(kind, content):
    return (struct.pack(">I", len(content)) + kind + content
            + struct.pack(">I", zlib.crc32(kind + content)))


def scanlines(samples, depth):
    """Rows of samples `[h, w, channels]`, each behind the filter byte 0."""
    rows = b""
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            packed = flat.astype(">u2").tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            packed = np.packbits(bits.reshape(-1)).tobytes()
        rows += b"\0" + packed
    return rows


def png(name, samples, depth, kind, before=b"", interlaced=False):
    height, width = samples.shape[:2]
    samples = samples.reshape(height, width, -1).astype(np.int64)
    if interlaced:
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(scanlines(p, depth) for p in parts if p.size)
    else:
        data = scanlines(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    (FOLDER / f"{name}.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before
        + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def palette(count):
    return chunk(b"PLTE", random.integers(0, 256, (count, 3), dtype=np.uint8).tobytes())


def pngs():
    height, width = 11, 13
    for depth in (1, 2, 4, 8):
        samples = random.integers(0, 2**depth, (height, width))
        png(f"grey-{depth}", samples, depth, 0)
        png(f"palette-{depth}", samples, depth, 3, palette(2**depth))
        png(f"grey-{depth}-interlaced", samples, depth, 0, interlaced=True)
    grey = random.integers(0, 256, (height, width))
    png("grey-transparent", grey, 8, 0, chunk(b"tRNS", struct.pack(">H", grey[0, 0])))
    png("palette-transparent", grey % 64, 8, 3, palette(64) + chunk(b"tRNS", bytes(range(64))))
    for depth in (8, 16):
        top = 2**depth
        png(f"rgb-{depth}", random.integers(0, top, (height, width, 3)), depth, 2)
        png(f"rgba-{depth}", random.integers(0, top, (height, width, 4)), depth, 6)
        png(f"grey-alpha-{depth}", random.integers(0, top, (height, width, 2)), depth, 4)
    png("rgb-interlaced", random.integers(0, 256, (height, width, 3)), 8, 2, interlaced=True)
    png("rgb-gamma", random.integers(0, 256, (height, width, 3)), 8, 2,
        chunk(b"gAMA", struct.pack(">I", 100000)))
    return sorted(path.name for path in FOLDER.glob("*.png"))


def bad_pngs():
    """What must be refused; not among the goldens."""
    png("bad-grey-16", random.integers(0, 65536, (3, 4)), 16, 0)
    start = b"\x89PNG\r\n\x1a\n"
    for name, width, height in [("bad-huge", 60000, 60000), ("bad-flat", 0, 4)]:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        (FOLDER / f"{name}.png").write_bytes(
            start + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 13)) +
            chunk(b"IEND", b""))


# --- JPEG, by Pillow.


def jpegs():
    colour = Image.fromarray(picture(35, 51))
    for name, sampling in [("444", 0), ("422", 1), ("420", 2)]:
        colour.save(FOLDER / f"{name}.jpg", quality=88, subsampling=sampling)
    colour.save(FOLDER / "progressive.jpg", quality=75, progressive=True)
    colour.save(FOLDER / "restarts.jpg", quality=90, restart_marker_blocks=3)
    colour.save(FOLDER / "stored-as-rgb.jpg", quality=90, keep_rgb=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by viewers, not by transforms
    colour.save(FOLDER / "turned.JPEG", quality=90, exif=exif)
    Image.fromarray(picture(35, 51)[..., 0]).save(FOLDER / "grey.jpg", quality=90)
    Image.fromarray(picture(19, 21, 4), mode="CMYK").save(FOLDER / "cmyk.jpg", quality=95)
    return sorted(path.name for path in FOLDER.glob("*.[jJ]*"))


# --- Resizing and cropping, from PNG so that both sides begin with the same pixels.

SOURCES = {"a": (37, 53), "b": (53, 37), "c": (64, 64), "d": (5, 7), "e": (1, 9), "f": (120, 3)}
CASES = [
    ("a", 16, None), ("a", 37, None), ("a", 64, None), ("a", [13, 29], None), ("a", [60, 9], None),
    ("b", 16, None), ("b", 53, None), ("b", [53, 20], None), ("b", [20, 37], None),
    ("c", 20, 15), ("c", 33, [16, 24]), ("c", None, 24), ("c", None, 63), ("c", [64, 64], None),
    ("d", 30, 28), ("d", 3, None), ("d", None, 12), ("d", None, [4, 10]), ("e", 8, 6),
    ("e", 8, [8, 71]), ("f", 3, 8), ("f", 7, [16, 7]), ("a", 16, 23), ("b", 19, [40, 8]),
]


def resized(image, resize, interpolation, crop):
    if resize is not None:
        image = transforms.resize(image, resize, interpolation)
    if crop is not None:
        image = transforms.center_crop(image, crop)
    return image


def encoded(image):
    array = np.asarray(image)
    array = array[..., None] if array.ndim == 2 else array
    planes = np.ascontiguousarray(array.transpose(2, 0, 1))
    return {"shape": list(planes.shape), "pixels": base64.b64encode(planes.tobytes()).decode()}


def resizing():
    for name, (height, width) in SOURCES.items():
        Image.fromarray(picture(height, width)).save(FOLDER / f"source-{name}.png")
    cases = []
    for source, resize, crop in CASES:
        image = Image.open(FOLDER / f"source-{source}.png").convert("RGB")
        modes = ["bilinear"] if resize is None else ["bilinear", "bicubic"]
        for mode in modes:
            result = resized(image, resize, InterpolationMode(mode), crop)
            cases.append({"file": f"source-{source}.png", "resize": resize, "crop": crop,
                          "interpolation": mode, **encoded(result)})
    return cases


def greys():
    """Photographic, palette and grey sources, some resized after they became grey."""
    cases = []
    for name, resize in [("420.jpg", None), ("420.jpg", 16), ("palette-8.png", None),
                         ("grey.jpg", None), ("rgba-8.png", 20)]:
        image = Image.open(FOLDER / name).convert("RGB").convert("L")
        result = resized(image, resize, InterpolationMode.BILINEAR, None)
        cases.append({"file": name, "resize": resize, "crop": None, "interpolation": "bilinear",
                      **encoded(result)})
    return cases


# --- The order of torchvision.datasets.ImageFolder.

TREE = ["b/1.png", "a/10.png", "a/9.JPG", "a/Z.jpeg", "a/z.png", "B/x.png", "a-b/x.png",
        "\u00e9/x.png", "e\u0301/x.png", "a/sub/b.png", "a/sub-2/a.png", "a/sub/in/c.png",
        "a/notes.txt", "_/x.png", "10/x.png", "9/x.png", "\U0001f600/x.png", "\uff5e/x.png"]


def tree():
    with tempfile.TemporaryDirectory() as folder:
        for name in TREE:
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        samples = torchvision.datasets.ImageFolder(folder).samples
        order = [[str(pathlib.Path(path).relative_to(folder)), label] for path, label in samples]
    return {"files": TREE, "order": order}


# --- Photographs, where the developers' data lie beside the repository.

PHOTOGRAPHS = HERE.parents[3] / "shared/data/imagenet-sample"
PREPARATIONS = [("bilinear", 256, 224), ("bilinear", 160, 128), ("bicubic", 232, 224)]


def photographs():
    cases = []
    for mode, resize, crop in PREPARATIONS:
        digest = hashlib.sha256()
        for path in sorted(PHOTOGRAPHS.glob("*.jpg")):
            image = Image.open(path).convert("RGB")
            image = np.asarray(resized(image, resize, InterpolationMode(mode), crop))
            digest.update(np.ascontiguousarray(image.transpose(2, 0, 1)).tobytes())
        cases.append({"interpolation": mode, "resize": resize, "crop": crop,
                      "digest": digest.hexdigest()})
    return cases


for old in FOLDER.iterdir():
    old.unlink()
decoded = [{"file": name, **encoded(Image.open(FOLDER / name).convert("RGB"))}
           for name in pngs() + jpegs()]
bad_pngs()
golden = {"decoded": decoded, "resized": resizing(), "greys": greys(), "tree": tree(),
          "photographs": photographs()}
(HERE / "images.json").write_text(json.dumps(golden, indent=1) + "\n")
