"""Networks of the zoo that do more than name one class: segmentation, detection, several inputs."""

import torch
from blocks import SqueezeExcitation, conv_bn
from torch import nn
from torch.nn import functional as F


class UNet(nn.Module):
    """Encoder and decoder joined at every scale; the way up is ConvTranspose or Resize."""

    def __init__(self, way_up):
        super().__init__()
        widths = [8, 12, 16, 20]
        self.down = nn.ModuleList()
        inputs = 3
        for width in widths:
            self.down.append(nn.Sequential(conv_bn(inputs, width), conv_bn(width, width)))
            inputs = width
        self.up, self.join = nn.ModuleList(), nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up.append(
                nn.ConvTranspose2d(inputs, width, 2, 2) if way_up == "transpose" else
                nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                              nn.Conv2d(inputs, width, 1)))
            self.join.append(nn.Sequential(conv_bn(2 * width, width), conv_bn(width, width)))
            inputs = width
        self.classify = nn.Conv2d(inputs, 4, 1)

    def forward(self, x):
        skips = []
        for index, stage in enumerate(self.down):
            x = stage(x if index == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        for up, join, skip in zip(self.up, self.join, reversed(skips[:-1])):
            x = join(torch.cat([skip, up(x)], 1))
        return self.classify(x)


class C2f(nn.Module):
    """YOLOv8's stage: one half of the channels goes on, every step's result is kept."""

    def __init__(self, inputs, outputs, depth, adds=True):
        super().__init__()
        half = outputs // 2
        self.adds = adds
        self.first = conv_bn(inputs, 2 * half, 1, act=nn.SiLU)
        self.steps = nn.ModuleList(
            nn.Sequential(conv_bn(half, half, act=nn.SiLU), conv_bn(half, half, act=nn.SiLU))
            for _ in range(depth))
        self.last = conv_bn((2 + depth) * half, outputs, 1, act=nn.SiLU)

    def forward(self, x):
        parts = list(self.first(x).chunk(2, 1))
        for step in self.steps:
            y = step(parts[-1])
            parts.append(parts[-1] + y if self.adds else y)
        return self.last(torch.cat(parts, 1))


class SPPF(nn.Module):
    """Pools of growing size over one value, concatenated."""

    def __init__(self, channels):
        super().__init__()
        self.first = conv_bn(channels, channels // 2, 1, act=nn.SiLU)
        self.last = conv_bn(channels * 2, channels, 1, act=nn.SiLU)

    def forward(self, x):
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, 1, 2))
        return self.last(torch.cat(parts, 1))


class YOLO(nn.Module):
    """A YOLO-style detector: focus stem, C2f stages, SPPF, a neck both ways, three scales.

    Outputs, for each scale: boxes and classes [N, 9, H, W]. With `decodes`, one output more: all
    anchors' boxes and scores, flattened and joined, the classes through a sigmoid.
    """

    def __init__(self, decodes=False):
        super().__init__()
        self.decodes = decodes
        self.focus = conv_bn(12, 8, act=nn.SiLU)
        self.stage2 = nn.Sequential(conv_bn(8, 16, 3, 2, act=nn.SiLU), C2f(16, 16, 2))
        self.stage3 = nn.Sequential(conv_bn(16, 24, 3, 2, act=nn.SiLU), C2f(24, 24, 1))
        self.stage4 = nn.Sequential(conv_bn(24, 32, 3, 2, act=nn.SiLU), C2f(32, 32, 1), SPPF(32))
        self.up3, self.up2 = C2f(32 + 24, 24, 1, False), C2f(24 + 16, 16, 1, False)
        self.down2 = conv_bn(16, 16, 3, 2, act=nn.SiLU)
        self.out3 = C2f(16 + 24, 24, 1, False)
        self.down3 = conv_bn(24, 24, 3, 2, act=nn.SiLU)
        self.out4 = C2f(24 + 32, 32, 1, False)
        self.heads = nn.ModuleList(
            nn.ModuleList(nn.Sequential(conv_bn(width, 16, act=nn.SiLU), nn.Conv2d(16, outputs, 1))
                          for outputs in (4, 5)) for width in (16, 24, 32))

    def forward(self, x):
        x = self.focus(torch.cat(
            [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1))
        p2 = self.stage2(x)
        p3 = self.stage3(p2)
        p4 = self.stage4(p3)
        n3 = self.up3(torch.cat([F.interpolate(p4, scale_factor=2.0), p3], 1))
        n2 = self.up2(torch.cat([F.interpolate(n3, scale_factor=2.0), p2], 1))
        n3 = self.out3(torch.cat([self.down2(n2), n3], 1))
        n4 = self.out4(torch.cat([self.down3(n3), p4], 1))
        scales = [torch.cat([boxes(n), classes(n)], 1)
                  for n, (boxes, classes) in zip((n2, n3, n4), self.heads)]
        if not self.decodes:
            return tuple(scales)
        joined = torch.cat([scale.view(scale.shape[0], 9, -1) for scale in scales], 2)
        boxes, classes = joined.split((4, 5), 1)
        return torch.cat([boxes, classes.sigmoid()], 1)


class SSD(nn.Module):
    """An SSD: heads on every scale of a PReLU trunk, joined over the anchors."""

    def __init__(self):
        super().__init__()
        def stage(inputs, outputs):
            return nn.Sequential(
                conv_bn(inputs, outputs, act=None), nn.PReLU(outputs),
                nn.Conv2d(outputs, outputs, 3, 2, 1), nn.PReLU(outputs))
        self.stages = nn.ModuleList([stage(3, 8), stage(8, 16), stage(16, 24), stage(24, 32)])
        self.boxes = nn.ModuleList(nn.Conv2d(w, 2 * 4, 3, padding=1) for w in (16, 24, 32))
        self.classes = nn.ModuleList(nn.Conv2d(w, 2 * 5, 3, padding=1) for w in (16, 24, 32))

    def forward(self, x):
        boxes, classes = [], []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index > 0:
                box = self.boxes[index - 1](x).permute(0, 2, 3, 1)
                one = self.classes[index - 1](x).permute(0, 2, 3, 1)
                boxes.append(box.reshape(box.shape[0], -1, 4))
                classes.append(one.reshape(one.shape[0], -1, 5))
        return torch.cat(boxes, 1), torch.cat(classes, 1).softmax(2)


class TwoInputs(nn.Module):
    """An image and a vector of measurements, joined before the classifier; two answers."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            conv_bn(3, 8, 3, 2), conv_bn(8, 16, 3, 2), conv_bn(16, 24), nn.AdaptiveAvgPool2d(1),
            nn.Flatten())
        self.measurements = nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 24), nn.Tanh())
        self.joined = nn.Sequential(nn.Linear(48, 32), nn.ELU())
        self.gate = nn.Linear(24, 24)
        self.classify, self.measure = nn.Linear(32, 5), nn.Linear(32, 1)

    def forward(self, image, measurements):
        x, y = self.trunk(image), self.measurements(measurements)
        x = x * torch.sigmoid(self.gate(y))
        z = self.joined(torch.cat([x, y], 1))
        return self.classify(z), self.measure(z)[:, 0]


class LayerScale(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x):
        return x * self.scale


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of each pixel, written out as detection code does."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class Norms(nn.Module):
    """Every normalisation but BatchNorm; layer scales on the residual branches."""

    def __init__(self):
        super().__init__()
        def branch(norm):
            return nn.Sequential(
                nn.Conv2d(16, 24, 3, padding=1), norm(24), nn.Mish(), nn.Conv2d(24, 16, 1),
                LayerScale(16))
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.ReLU())
        self.branches = nn.ModuleList([
            branch(lambda width: nn.GroupNorm(4, width)),
            branch(lambda width: nn.InstanceNorm2d(width, affine=True)),
            branch(ChannelNorm), branch(lambda width: nn.GroupNorm(1, width))])
        self.norm = nn.LayerNorm(16)
        self.classify = nn.Linear(16, 10)

    def forward(self, x):
        x = self.stem(x)
        for branch in self.branches:
            x = x + branch(x)
        return self.classify(self.norm(x.flatten(2).transpose(1, 2)).mean(1))


class TemporalBlock(nn.Module):
    """A gated, dilated 1-D convolution that looks only at the past."""

    def __init__(self, channels, width, dilation):
        super().__init__()
        self.dilation = dilation
        self.filter = nn.Conv1d(channels, width, 3, dilation=dilation)
        self.gate = nn.Conv1d(channels, width, 3, dilation=dilation)
        self.norm = nn.BatchNorm1d(width)
        self.out = nn.Conv1d(width, channels, 1)

    def forward(self, x):
        past = F.pad(x, (2 * self.dilation, 0))
        y = torch.tanh(self.filter(past)) * torch.sigmoid(self.gate(past))
        return x + self.out(self.norm(y))


def waves():
    """A 1-D network on two channels of 64 samples."""
    return nn.Sequential(
        nn.Conv1d(2, 16, 5, padding=2), nn.BatchNorm1d(16), nn.LeakyReLU(0.1),
        TemporalBlock(16, 12, 1), TemporalBlock(16, 12, 2), nn.MaxPool1d(2),
        nn.Conv1d(16, 24, 3, padding=1, groups=4), nn.ReLU(), nn.AvgPool1d(3, 2, 1),
        TemporalBlock(24, 16, 4), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(24, 6))


class SuperResolution(nn.Module):
    """Pixels to channels, a residual trunk, and channels to pixels (DepthToSpace)."""

    def __init__(self):
        super().__init__()
        self.inner = nn.PixelUnshuffle(2)
        self.head = nn.Conv2d(12, 16, 3, padding=1)
        self.body = nn.ModuleList(
            nn.Sequential(nn.Conv2d(16, 24, 3, padding=1), nn.PReLU(), nn.Conv2d(24, 16, 3, padding=1),
                          SqueezeExcitation(16, 8)) for _ in range(2))
        self.up = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.PixelShuffle(2), nn.ReLU())
        self.tail = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x):
        y = self.head(self.inner(x))
        for block in self.body:
            y = y + block(y)
        return x + self.tail(self.up(y))
