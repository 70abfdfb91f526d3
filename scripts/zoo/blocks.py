"""The blocks that several networks of the zoo are made of."""

import torch
from torch import nn
from torch.nn import functional as F


def conv_bn(inputs, outputs, kernel=3, stride=1, groups=1, act=nn.ReLU, padding=None):
    """Convolution without bias, BatchNorm and, unless `act` is None, an activation."""
    if padding is None:
        padding = kernel // 2 if isinstance(kernel, int) else tuple(k // 2 for k in kernel)
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([act()] if act else []))


class BasicBlock(nn.Module):
    """ResNet's block of two 3 x 3 convolutions; the shortcut is of option "A" or "B"."""

    def __init__(self, inputs, outputs, stride, option="B"):
        super().__init__()
        self.body = nn.Sequential(
            conv_bn(inputs, outputs, 3, stride), conv_bn(outputs, outputs, 3, act=None))
        self.border = (outputs - inputs) // 2
        changes = stride != 1 or inputs != outputs
        self.pads = changes and option == "A"
        self.shortcut = (
            conv_bn(inputs, outputs, 1, stride, act=None) if changes and option == "B" else None)

    def forward(self, x):
        y = self.body(x)
        if self.pads:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.border, self.border))
        elif self.shortcut is not None:
            x = self.shortcut(x)
        return F.relu(x + y)


class Bottleneck(nn.Module):
    """ResNet's block of 1 x 1, 3 x 3 and 1 x 1 convolutions.

    The stride is the first's in version 1 and the second's in version 1.5.
    """

    def __init__(self, inputs, middle, outputs, stride, groups=1, version="1.5"):
        super().__init__()
        first, second = (stride, 1) if version == "1" else (1, stride)
        self.body = nn.Sequential(
            conv_bn(inputs, middle, 1, first), conv_bn(middle, middle, 3, second, groups),
            conv_bn(middle, outputs, 1, act=None))
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = conv_bn(inputs, outputs, 1, stride, act=None)

    def forward(self, x):
        return F.relu(self.body(x) + (x if self.shortcut is None else self.shortcut(x)))


class SqueezeExcitation(nn.Module):
    """A gate for each channel, computed from the channels' means."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        gate = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))
        return x * torch.sigmoid(self.expand(gate))


class Attention(nn.Module):
    """Self-attention on [N, tokens, channels], written out as timm and many others do."""

    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x):
        batch, tokens, channels = x.shape
        width = channels // self.heads
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, width).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * width**-0.5
        x = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, channels)
        return self.proj(x)


class TransformerBlock(nn.Module):
    def __init__(self, channels, heads, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = Attention(channels, heads)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))
