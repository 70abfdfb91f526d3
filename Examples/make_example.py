"""Makes the example: draws a small image classification task and trains a residual network on it.

    pip install numpy torch onnx
    python Examples/make_example.py            # four minutes on one idle core

Writes, beside this file: shapes-resnet.onnx, shapes-calibration.npz, shapes-test.npz,
calibration.yaml and evaluation.yaml. The seed is fixed, so the data are the same everywhere, and
the network is the same for the same PyTorch on the same kind of processor.

The task: ten kinds of shapes in 20 x 20 RGB images, drawn at any place, in two sizes of stroke,
slightly turned, in random colours on a coloured gradient, partly hidden behind a bar, under noise.
"""

import argparse
import pathlib
import time

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

SIZE = 20
CLASSES = ["disc", "ring", "square", "frame", "triangle", "plus", "cross", "crescent", "bars", "tee"]
TRAINING, CALIBRATION, TEST = 12_000, 1_000, 2_000
NOISE = 27.0  # standard deviation in grey levels: chosen so that about one image in twenty-five is lost


def box(x, y, half_width, half_height):
    """Signed distance to a rectangle around the origin: negative inside."""
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def distance(label, x, y, stroke):
    """Signed distance to the shape of a class, which fills about -1...1 on both axes."""
    radius = np.hypot(x, y)
    diagonal = (x + y) / np.sqrt(2), (x - y) / np.sqrt(2)
    return [
        lambda: radius - 0.9,
        lambda: np.abs(radius - (1 - stroke)) - stroke,
        lambda: box(x, y, 0.8, 0.8),
        lambda: np.abs(box(x, y, 0.9 - stroke, 0.9 - stroke)) - stroke,
        lambda: np.maximum(y - 0.7, 0.87 * np.abs(x) - 0.5 * y - 0.5),
        lambda: np.minimum(box(x, y, 1, stroke), box(x, y, stroke, 1)),
        lambda: np.minimum(box(*diagonal, 1.1, stroke), box(*diagonal, stroke, 1.1)),
        lambda: np.maximum(radius - 0.95, 0.75 - np.hypot(x - 0.45, y)),
        lambda: box(np.abs(x) - 0.55, y, stroke, 0.95),
        lambda: np.minimum(box(x, y + 0.75, 1, stroke), box(x, y - 0.1, stroke, 0.85)),
    ][label]()


def draw(label, random):
    """One image of a class: uint8, [SIZE, SIZE, 3]."""
    # Four points a pixel, averaged at the end, so that edges are smooth.
    axis = (np.arange(2 * SIZE) + 0.5) / SIZE - 1
    across, down = np.meshgrid(axis, axis)
    scale = random.uniform(0.36, 0.62)
    place = random.uniform(scale - 1, 1 - scale, 2)
    angle = np.deg2rad(random.uniform(-18, 18))
    x, y = (across - place[0]) / scale, (down - place[1]) / scale
    x, y = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    shape = distance(label, x, y, random.uniform(0.17, 0.27)) < 0

    start, end = random.uniform(30, 225, (2, 3))
    tilt = random.uniform(0, 2 * np.pi)
    ramp = ((np.cos(tilt) * across + np.sin(tilt) * down + 1.42) / 2.84)[..., None]
    image = start * (1 - ramp) + end * ramp
    middle = (start + end) / 2
    colour = random.uniform(0, 255, 3)
    while np.abs(colour - middle).max() < 70:
        colour = random.uniform(0, 255, 3)
    image = np.where(shape[..., None], colour, image)

    # A bar of its own colour over the whole image hides a part of most shapes.
    tilt, offset = random.uniform(0, np.pi), random.uniform(-0.8, 0.8)
    bar = np.abs(np.cos(tilt) * across + np.sin(tilt) * down - offset) < random.uniform(0.03, 0.09)
    image = np.where(bar[..., None], random.uniform(0, 255, 3), image)

    image = image.reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3)) + random.normal(0, NOISE, (SIZE, SIZE, 3))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def data_set(count, seed):
    """Images [count, SIZE, SIZE, 3] and labels [count], classes equally often in random order."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % len(CLASSES)).astype(np.uint8)
    return np.stack([draw(label, random) for label in labels]), labels


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut.

    Where the width doubles, the shortcut is "pad" (every second pixel, zeros for the new channels:
    option A of He et al. 2016) or "conv" (1 x 1 convolution: option B). The example has one of each,
    because they couple channels differently.
    """

    def __init__(self, inputs, outputs, shortcut):
        super().__init__()
        stride = 1 if shortcut == "identity" else 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.padding = (outputs - inputs) // 2 if shortcut == "pad" else None
        self.shortcut = None
        if shortcut == "conv":
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.padding is not None:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))
        elif self.shortcut is not None:
            x = self.shortcut(x)
        return F.relu(x + y)


class ShapesResNet(nn.Module):
    """A ResNet-14 with stage widths 16, 32 and 64: more than the task needs, as real ones are."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.stage1 = nn.Sequential(Block(16, 16, "identity"), Block(16, 16, "identity"))
        self.stage2 = nn.Sequential(Block(16, 32, "pad"), Block(32, 32, "identity"))
        self.stage3 = nn.Sequential(Block(32, 64, "conv"), Block(64, 64, "identity"))
        self.fc = nn.Linear(64, len(CLASSES))

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.fc(x.mean((2, 3)))


def train(model, images, labels, epochs):
    """Adam with a one-cycle rate; images are shifted by up to two pixels."""
    batch = 100
    steps = len(images) // batch * epochs
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    started = time.time()
    model.train()
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch):
            down, right = torch.randint(-2, 3, (2,)).tolist()
            x = torch.roll(images[chosen], (down, right), (2, 3))
            loss = F.cross_entropy(model(x), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1}: loss {total / len(images):.3f}, {time.time() - started:.0f} s",
              flush=True)
    model.eval()


def accuracy(model, images, labels):
    with torch.no_grad():
        logits = torch.cat([model(part) for part in images.split(250)])
    return (logits.argmax(1) == labels).double().mean().item()


def export(model, path):
    # PRESERVE keeps BatchNormalization apart from the convolutions, as pruning wants it.
    torch.onnx.export(
        model, torch.zeros(1, 3, SIZE, SIZE), str(path), dynamo=False, opset_version=17,
        training=torch.onnx.TrainingMode.PRESERVE, input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})
    onnx.checker.check_model(onnx.load(path), full_check=True)


def describe(path, archive, mean, std, purpose):
    path.write_text(f"""\
# {purpose} Made by make_example.py.
format: npz
path: {archive}            # relative to this file
classes: {len(CLASSES)}
normalise:                 # of the training images, in units of 0...1
  mean: {mean}
  std: {std}
""")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    arguments.add_argument("--epochs", type=int, default=10)
    arguments = arguments.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    started = time.time()
    images, labels = data_set(TRAINING, seed=1)
    test_images, test_labels = data_set(TEST, seed=2)
    print(f"drew {TRAINING + TEST} images in {time.time() - started:.0f} s", flush=True)
    mean = [round(value, 4) for value in (images / 255).mean((0, 1, 2)).tolist()]
    std = [round(value, 4) for value in (images / 255).std((0, 1, 2)).tolist()]

    def tensor(pixels):
        normalised = (pixels / 255 - mean) / std
        return torch.from_numpy(normalised.transpose(0, 3, 1, 2).astype(np.float32).copy())

    model = ShapesResNet()
    train(model, tensor(images), torch.from_numpy(labels).long(), arguments.epochs)
    print(f"test accuracy {accuracy(model, tensor(test_images), torch.from_numpy(test_labels)):.4f}, "
          f"{sum(p.numel() for p in model.parameters())} parameters")

    output = arguments.output
    export(model, output / "shapes-resnet.onnx")
    # Calibration images are training images: pruning never sees the test set.
    np.savez_compressed(
        output / "shapes-calibration.npz", images=images[:CALIBRATION], labels=labels[:CALIBRATION])
    np.savez_compressed(output / "shapes-test.npz", images=test_images, labels=test_labels)
    describe(output / "calibration.yaml", "shapes-calibration.npz", mean, std,
             "The images that channels are scored and layers reconstructed with.")
    describe(output / "evaluation.yaml", "shapes-test.npz", mean, std,
             "The images that accuracy is measured with.")


if __name__ == "__main__":
    main()
