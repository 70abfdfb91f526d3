#!/usr/bin/env python3
"""Writes released.json: the eleven released ITPruner settings, and what SciPy's SLSQP makes of them.

The costs follow from the constants that the method's released code uses (batch normalisation, activation
and pooling counted as given there; the first 1x1 convolution of every ResNet-50 stage at doubled resolution).
`published` are the widths of the released run scripts. `slsqp` is SciPy's answer with all importances equal
to exp(-beta / L), from x = 1, with default options and a constraint without gradient.

    python3 make_released.py > released.json
"""
import json
import math

import numpy as np
from scipy.optimize import minimize


class Cost:
    """cost = linear.x + sum of pairs c * x_i * x_j (i may equal j), at keep ratios x."""

    def __init__(self, width):
        self.width = width
        self.linear = [0.0] * len(width)
        self.pairs = {}

    def single(self, i, per_channel):
        self.linear[i] += per_channel * self.width[i]

    def pair(self, i, j, per_pair):
        key = (min(i, j), max(i, j))
        self.pairs[key] = self.pairs.get(key, 0.0) + per_pair * self.width[i] * self.width[j]


def vgg():
    cost = Cost([64, 64, 128, 128, 256, 256, 256] + [512] * 6)
    size = 32
    for i in range(13):
        if i == 0:
            cost.single(0, 27 * size**2)
        else:
            cost.pair(i - 1, i, 9 * size**2)
        cost.single(i, 5 * size**2)
        if i in (1, 3, 6, 9):
            size //= 2
            cost.single(i, 2 * size**2)
    cost.single(12, 3 + 2 * 512 + 4)
    return cost


def resnet_cifar(blocks):
    cost = Cost([16 << stage for stage in range(3) for _ in range(blocks)])
    for i, width in enumerate(cost.width):
        area = (32 >> (i // blocks)) ** 2
        cost.single(i, 8 * area)
        cost.pair(i, i, 9 * area)
        if i == 0:
            cost.single(0, 16 * 9 * area)
        else:
            cost.pair(i - 1, i, (9 + (cost.width[i - 1] != width)) * area)
    cost.single(len(cost.width) - 1, 20)
    return cost


def mobilenet():
    cost = Cost([32, 64, 128, 128, 256, 256] + [512] * 6 + [1024] * 2)
    size = 112
    cost.single(0, 27 * size**2)
    for i in range(1, 14):
        if i in (2, 4, 6, 12):
            size //= 2
        cost.single(i - 1, 9 * size**2)
        cost.pair(i - 1, i, size**2)
    cost.single(13, 2000)
    return cost


def mobilenet_v2():
    cost = Cost([32, 16, 24, 32, 64, 96, 160, 320])
    size = 112
    cost.single(0, (27 + 9) * size**2)
    cost.pair(0, 1, size**2)
    for i, (count, stride) in enumerate([(2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)], start=1):
        cost.pair(i, i, 6 * size**2)
        size //= stride
        cost.single(i, 54 * size**2)
        cost.pair(i, i + 1, 6 * size**2)
        for _ in range(count - 1):
            cost.pair(i + 1, i + 1, 12 * size**2)
            cost.single(i + 1, 54 * size**2)
    cost.single(7, 1280 * size**2)
    return cost


def resnet50():
    width = [64]
    for planes, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        width += [planes, planes, 4 * planes] + [planes, planes] * (blocks - 1)
    cost = Cost(width)
    cost.single(0, (147 + 5) * 112**2 + 9 * 56**2)
    before, at, size = 0, 1, 56
    for stage, blocks in enumerate((3, 4, 6, 3)):
        size = size if stage == 0 else size // 2
        first, second, sums = at, at + 1, at + 2
        cost.pair(before, sums, size**2)
        cost.single(sums, 5 * size**2)
        cost.pair(before, first, 4 * size**2)
        cost.single(first, 5 * 4 * size**2)
        cost.pair(first, second, 9 * size**2)
        cost.single(second, 5 * size**2)
        cost.pair(second, sums, size**2)
        cost.single(sums, 5 * size**2)
        at += 3
        for _ in range(blocks - 1):
            cost.pair(sums, at, size**2)
            cost.single(at, 5 * size**2)
            cost.pair(at, at + 1, 9 * size**2)
            cost.single(at + 1, 5 * size**2)
            cost.pair(at + 1, sums, size**2)
            cost.single(sums, 5 * size**2)
            at += 2
        before = sums
    cost.single(len(width) - 1, 2000)
    return cost


def slsqp(cost, importance, budget):
    pairs = [(i, j, c) for (i, j), c in cost.pairs.items()]
    linear = np.array(cost.linear)
    g = np.array(importance)

    def left(x):
        return np.array([budget - linear @ x - sum(c * x[i] * x[j] for i, j, c in pairs)])

    result = minimize(
        lambda x: -(g @ x), np.ones(len(g)), jac=lambda x: -g, method="SLSQP", bounds=[(0, 1)] * len(g),
        constraints=({"type": "ineq", "fun": left},))
    return [int(v) for v in np.around(np.array(cost.width) * result.x)]


def each_block(conv_widths):
    return conv_widths[1::2]


SETTINGS = [
    ("VGG-16 100M", vgg(), 231, 100e6, [44, 35, 71, 71, 145, 104, 145, 290, 205, 325, 432, 429, 469]),
    ("ResNet-20 20M", resnet_cifar(3), 246, 20e6, [11, 11, 11, 22, 21, 22, 45, 43, 48]),
    ("ResNet-56 60M", resnet_cifar(9), 500, 60e6,
     [10] * 8 + [11, 22] + [21] * 7 + [22, 44] + [42] * 6 + [64, 64]),
    ("MobileNetV1 285M", mobilenet(), 233, 285e6, [28, 52, 88, 90, 179, 182, 362, 311, 314, 314, 312, 367, 733, 1024]),
    ("MobileNetV1 150M", mobilenet(), 243, 150e6, [23, 42, 63, 67, 132, 134, 275, 194, 202, 202, 194, 277, 522, 687]),
    ("MobileNetV1 50M", mobilenet(), 243, 50e6, [18, 31, 30, 38, 71, 76, 173, 52, 78, 78, 51, 178, 250, 522]),
    ("MobileNetV2 220M", mobilenet_v2(), 2000, 220e6, [31, 14, 20, 28, 54, 74, 130, 298]),
    ("MobileNetV2 150M", mobilenet_v2(), 2000, 150e6, [29, 12, 16, 24, 43, 50, 98, 273]),
    ("ResNet-50 2300M", resnet50(), 2000, 2300e6,
     [52, 55, 55, 146, 55, 55, 55, 55, 105, 111, 232] + [111] * 6 + [211, 222, 290] + [222] * 10
     + [423, 442, 1453, 442, 442, 442, 442]),
    ("ResNet-50 2000M", resnet50(), 2000, 2000e6,
     [50, 53, 54, 125, 54, 54, 54, 54, 101, 108, 179] + [107] * 6 + [203, 216, 148] + [215] * 10
     + [407, 429, 1341, 429, 429, 429, 428]),
    ("ResNet-50 1800M", resnet50(), 2000, 1800e6,
     [48, 52, 52, 110, 52, 52, 52, 52, 98, 105, 142] + [105] * 6 + [197, 211, 48] + [211] * 10
     + [397, 420, 1264, 419, 419, 419, 418]),
]

out = []
for name, cost, beta, budget, published in SETTINGS:
    count = len(cost.width)
    equal = [math.exp(-beta / count)] * count
    pinned = equal[:-2] + [0.05, 0.05]
    out.append({
        "name": name, "width": cost.width, "linear": cost.linear,
        "pairs": [[i, j, c] for (i, j), c in sorted(cost.pairs.items())], "budget": budget,
        "importance": math.exp(-beta / count), "published": published, "slsqp": slsqp(cost, equal, budget),
        "slsqpLastTwoPinned": slsqp(cost, pinned, budget),
    })
print("[\n" + ",\n".join(json.dumps(setting) for setting in out) + "\n]")
