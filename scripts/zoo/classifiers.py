"""Image classifiers of the zoo: the true topology of each, with widths of 8 channels and more.

Where torchvision or timm take widths as parameters, the network is theirs.
"""

import functools

import torch
from blocks import BasicBlock, Bottleneck, TransformerBlock, conv_bn
from torch import nn
from torch.nn import functional as F

CLASSES = 10


def vgg(norm):
    """VGG-11: no global pooling, so that channels and pixels reach the first linear layer."""
    layers, inputs = [], 3
    for width in [8, "M", 12, "M", 16, 16, "M", 24, 24, "M", 24, 24, "M"]:
        if width == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        layers.append(nn.Conv2d(inputs, width, 3, padding=1))
        layers += ([nn.BatchNorm2d(width)] if norm else []) + [nn.ReLU()]
        inputs = width
    head = [nn.Flatten(), nn.Linear(24 * 4, 48), nn.ReLU(), nn.Dropout(),
            nn.Linear(48, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, CLASSES)]
    return nn.Sequential(*layers, *head)


def head(width):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES)]


def resnet18():
    layers, inputs = [conv_bn(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1)], 8
    for stage, width in enumerate([8, 12, 20, 28]):
        layers.append(BasicBlock(inputs, width, 1 if stage == 0 else 2))
        layers.append(BasicBlock(width, width, 1))
        inputs = width
    return nn.Sequential(*layers, *head(inputs))


def bottleneck_resnet(middles, outputs, groups=1, version="1.5"):
    layers, inputs = [conv_bn(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1)], 8
    for stage, (depth, middle, width) in enumerate(zip([3, 4, 6, 3], middles, outputs)):
        for block in range(depth):
            stride = 2 if block == 0 and stage > 0 else 1
            layers.append(Bottleneck(inputs, middle, width, stride, groups, version))
            inputs = width
    return nn.Sequential(*layers, *head(inputs))


def cifar_resnet(option):
    layers, inputs = [conv_bn(3, 8)], 8
    for stage, width in enumerate([8, 16, 24]):
        for block in range(3):
            stride = 2 if block == 0 and stage > 0 else 1
            layers.append(BasicBlock(inputs, width, stride, option))
            inputs = width
    return nn.Sequential(*layers, *head(inputs))


class PreActivation(nn.Module):
    """The block of Wide-ResNet: BatchNorm and ReLU before each convolution."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.drop = nn.Dropout(0.3)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        y = F.relu(self.norm1(x))
        short = x if self.shortcut is None else self.shortcut(y)
        return short + self.conv2(self.drop(F.relu(self.norm2(self.conv1(y)))))


def wide_resnet():
    """WRN-16."""
    layers, inputs = [nn.Conv2d(3, 8, 3, 1, 1, bias=False)], 8
    for stage, width in enumerate([16, 20, 28]):
        for block in range(2):
            layers.append(PreActivation(inputs, width, 2 if block == 0 and stage > 0 else 1))
            inputs = width
    return nn.Sequential(*layers, nn.BatchNorm2d(inputs), nn.ReLU(), *head(inputs))


def densenet():
    from torchvision.models import DenseNet
    return DenseNet(8, (3, 6, 6, 4), 16, bn_size=2, num_classes=CLASSES)


def googlenet():
    """Nine inception blocks at an eighth of their widths; pools round up, as in the original."""
    from torchvision.models.googlenet import BasicConv2d, Inception
    widths = [(192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64), "M",
              (480, 192, 96, 208, 16, 48, 64), (512, 160, 112, 224, 24, 64, 64),
              (512, 128, 128, 256, 24, 64, 64), (512, 112, 144, 288, 32, 64, 64),
              (528, 256, 160, 320, 32, 128, 128), "m",
              (832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128)]
    layers = [BasicConv2d(3, 8, kernel_size=7, stride=2, padding=3),
              nn.MaxPool2d(3, 2, ceil_mode=True), BasicConv2d(8, 8, kernel_size=1),
              BasicConv2d(8, 16, kernel_size=3, padding=1)]
    inputs = 16
    for spec in widths:
        if isinstance(spec, str):
            layers.append(nn.MaxPool2d(3 if spec == "M" else 2, 2, ceil_mode=True))
            continue
        _, one, red3, three, red5, five, pool = (max(8, width // 16) for width in spec)
        layers.append(Inception(inputs, one, red3, three, red5, five, pool))
        inputs = one + three + five + pool
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2),
                         nn.Linear(inputs, CLASSES))


class Branches(nn.Module):
    """Branches of one input, concatenated."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception_v3():
    """Every kind of block of Inception v3 (A to E), widths about a sixteenth."""
    def chain(inputs, *layers):
        convolutions = []
        for outputs, kernel, stride, padding in layers:
            convolutions.append(conv_bn(inputs, outputs, kernel, stride, padding=padding))
            inputs = outputs
        return nn.Sequential(*convolutions)

    def pooled(inputs, outputs):
        return nn.Sequential(nn.AvgPool2d(3, 1, 1), conv_bn(inputs, outputs, 1))

    def block_a(inputs, pool):
        return Branches(
            conv_bn(inputs, 8, 1), chain(inputs, (8, 1, 1, 0), (8, 5, 1, 2)),
            chain(inputs, (8, 1, 1, 0), (12, 3, 1, 1), (12, 3, 1, 1)), pooled(inputs, pool))

    def block_c(inputs, width):
        along, across = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
        return Branches(
            conv_bn(inputs, 12, 1), chain(inputs, (width, 1, 1, 0), (width, *along), (12, *across)),
            chain(inputs, (width, 1, 1, 0), (width, *across), (width, *along), (width, *across),
                  (12, *along)), pooled(inputs, 12))

    def block_e(inputs):
        def fork(width):
            return Branches(conv_bn(width, width, (1, 3), padding=(0, 1)),
                            conv_bn(width, width, (3, 1), padding=(1, 0)))
        return Branches(
            conv_bn(inputs, 20, 1), nn.Sequential(conv_bn(inputs, 16, 1), fork(16)),
            nn.Sequential(chain(inputs, (16, 1, 1, 0), (16, 3, 1, 1)), fork(16)),
            pooled(inputs, 12))

    return nn.Sequential(
        conv_bn(3, 8, 3, 2, padding=0), conv_bn(8, 8, padding=0), conv_bn(8, 8), nn.MaxPool2d(3, 2),
        conv_bn(8, 8, 1), conv_bn(8, 12, padding=0), nn.MaxPool2d(3, 2),
        block_a(12, 8), block_a(36, 8),
        Branches(conv_bn(36, 24, 3, 2, padding=0),
                 chain(36, (8, 1, 1, 0), (12, 3, 1, 1), (12, 3, 2, 0)), nn.MaxPool2d(3, 2)),
        block_c(72, 8), block_c(48, 10),
        Branches(chain(48, (12, 1, 1, 0), (20, 3, 2, 0)),
                 chain(48, (12, 1, 1, 0), (12, (1, 7), 1, (0, 3)), (12, (7, 1), 1, (3, 0)),
                       (12, 3, 2, 0)), nn.MaxPool2d(3, 2)),
        block_e(80), nn.AdaptiveAvgPool2d(1), nn.Dropout(), nn.Flatten(),
        nn.Linear(96, CLASSES))


def squeezenet():
    from torchvision.models.squeezenet import Fire
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(16, 8, 12, 12), Fire(24, 8, 12, 12), nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(24, 8, 16, 16), Fire(32, 8, 16, 16), nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(32, 8, 20, 20), Fire(40, 8, 20, 20), Fire(40, 12, 24, 24), Fire(48, 12, 24, 24),
        nn.Dropout(), nn.Conv2d(48, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def mobilenet_v1():
    layers, inputs = [conv_bn(3, 8, 3, 2)], 8
    for width, stride in [(16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (40, 2), (40, 1), (40, 1),
                          (40, 1), (40, 1), (40, 1), (56, 2), (56, 1)]:
        layers += [conv_bn(inputs, inputs, 3, stride, inputs), conv_bn(inputs, width, 1)]
        inputs = width
    return nn.Sequential(*layers, *head(inputs))


def mobilenet_v2():
    from torchvision.models import MobileNetV2
    settings = [[1, 8, 1, 1], [6, 8, 2, 2], [6, 8, 3, 2], [6, 12, 4, 2], [6, 16, 3, 1],
                [6, 16, 3, 2], [6, 24, 1, 1]]
    network = MobileNetV2(CLASSES, inverted_residual_setting=settings, round_nearest=4)
    # The constructor takes no stem or last width below 32 and 1280.
    network.features[0] = conv_bn(3, 8, 3, 2, act=nn.ReLU6)
    network.features[1].conv[0] = conv_bn(8, 8, 3, 1, 8, act=nn.ReLU6)
    network.features[1].conv[1] = nn.Conv2d(8, 8, 1, bias=False)
    network.features[-1] = conv_bn(24, 48, 1, act=nn.ReLU6)
    network.classifier[1] = nn.Linear(48, CLASSES)
    return network


def mobilenet_v3():
    from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
    config = functools.partial(InvertedResidualConfig, width_mult=1)
    settings = [config(8, 3, 8, 8, True, "RE", 2, 1), config(8, 3, 24, 8, False, "RE", 2, 1),
                config(8, 3, 32, 8, False, "RE", 1, 1), config(8, 5, 32, 16, True, "HS", 2, 1),
                config(16, 5, 48, 16, True, "HS", 1, 1), config(16, 5, 48, 16, True, "HS", 1, 1),
                config(16, 5, 40, 16, True, "HS", 1, 1), config(16, 5, 48, 24, True, "HS", 2, 1),
                config(24, 5, 56, 24, True, "HS", 1, 1)]
    return MobileNetV3(settings, 48, CLASSES)


def efficientnet_b0():
    from torchvision.models.efficientnet import EfficientNet, MBConvConfig
    config = functools.partial(MBConvConfig, width_mult=1, depth_mult=1)
    settings = [config(1, 3, 1, 8, 8, 1), config(4, 3, 2, 8, 8, 2), config(4, 5, 2, 8, 12, 2),
                config(4, 3, 2, 12, 16, 3), config(4, 5, 1, 16, 16, 3), config(4, 5, 2, 16, 24, 2),
                config(4, 3, 1, 24, 24, 1)]
    return EfficientNet(settings, 0.2, num_classes=CLASSES, last_channel=64)


def efficientnet_v2():
    from torchvision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig
    settings = [FusedMBConvConfig(1, 3, 1, 8, 8, 2), FusedMBConvConfig(4, 3, 2, 8, 8, 3),
                FusedMBConvConfig(4, 3, 2, 8, 16, 3), MBConvConfig(4, 3, 2, 16, 16, 4),
                MBConvConfig(4, 3, 1, 16, 16, 4), MBConvConfig(4, 3, 2, 16, 24, 2)]
    return EfficientNet(settings, 0.2, num_classes=CLASSES, last_channel=64)


def mnasnet():
    from torchvision.models.mnasnet import _BN_MOMENTUM, _stack
    layers = [conv_bn(3, 8, 3, 2), conv_bn(8, 8, 3, 1, 8), conv_bn(8, 8, 1, act=None)]
    inputs = 8
    for width, kernel, stride, expansion, repeats in [
            (8, 3, 2, 3, 2), (12, 5, 2, 3, 2), (16, 5, 2, 6, 2), (16, 3, 1, 6, 2), (24, 5, 2, 6, 2),
            (32, 3, 1, 6, 1)]:
        layers.append(_stack(inputs, width, kernel, stride, expansion, repeats, _BN_MOMENTUM))
        inputs = width
    return nn.Sequential(*layers, conv_bn(inputs, 64, 1), *head(64))


class ShuffleUnit(nn.Module):
    """ShuffleNet v1: grouped 1 x 1 convolutions with a shuffle of channels between them."""

    def __init__(self, inputs, outputs, stride, groups, first=False):
        super().__init__()
        self.groups, self.stride = groups, stride
        middle = outputs // 4
        self.reduce = conv_bn(inputs, middle, 1, groups=1 if first else groups)
        self.depthwise = conv_bn(middle, middle, 3, stride, middle, act=None)
        self.expand = conv_bn(
            middle, outputs - (inputs if stride == 2 else 0), 1, groups=groups, act=None)

    def forward(self, x):
        y = self.reduce(x)
        batch, channels, height, width = y.shape
        y = y.view(batch, self.groups, channels // self.groups, height, width)
        y = y.transpose(1, 2).reshape(batch, channels, height, width)
        y = self.expand(self.depthwise(y))
        if self.stride == 2:
            return F.relu(torch.cat([F.avg_pool2d(x, 3, 2, 1), y], 1))
        return F.relu(x + y)


def shufflenet_v1():
    layers, inputs = [conv_bn(3, 12, 3, 2), nn.MaxPool2d(3, 2, 1)], 12
    for stage, (width, repeats) in enumerate([(48, 4), (96, 8), (144, 4)]):
        for block in range(repeats):
            layers.append(
                ShuffleUnit(inputs, width, 2 if block == 0 else 1, 3, stage == block == 0))
            inputs = width
    return nn.Sequential(*layers, *head(inputs))


def shufflenet_v2():
    from torchvision.models import ShuffleNetV2
    return ShuffleNetV2([4, 8, 4], [8, 16, 32, 48, 64], CLASSES)


def regnet(se_ratio):
    from torchvision.models.regnet import BlockParams, RegNet
    # Four channels a group and, as in the 800MF variants, several groups a stage.
    widths = [16, 24, 32, 48]
    blocks = BlockParams([1, 2, 4, 2], widths, [4 if se_ratio else 8] * 4, [1.0] * 4, [2] * 4, se_ratio)
    return RegNet(blocks, CLASSES, stem_width=8)


def convnext():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt
    settings = [CNBlockConfig(12, 16, 2), CNBlockConfig(16, 24, 2), CNBlockConfig(24, 32, 3),
                CNBlockConfig(32, None, 2)]
    return ConvNeXt(settings, num_classes=CLASSES)


def vit():
    from timm.layers import set_fused_attn
    from timm.models.vision_transformer import VisionTransformer
    set_fused_attn(False)
    return VisionTransformer(img_size=32, patch_size=8, num_classes=CLASSES, embed_dim=32, depth=3,
                             num_heads=4, mlp_ratio=3)


class Hybrid(nn.Module):
    """Convolutions, then attention over what they leave, then convolutions again."""

    def __init__(self):
        super().__init__()
        from timm.layers import set_fused_attn
        from timm.models.vision_transformer import Block
        set_fused_attn(False)
        self.stem = nn.Sequential(
            conv_bn(3, 12, stride=2), conv_bn(12, 16), conv_bn(16, 32, stride=2))
        self.blocks = nn.Sequential(*(Block(32, 4, mlp_ratio=2, qkv_bias=True) for _ in range(2)))
        self.tail = nn.Sequential(conv_bn(32, 24, stride=2), conv_bn(24, 40, 1))
        self.head = nn.Linear(40, 10)

    def forward(self, x):
        x = self.stem(x)
        tokens = self.blocks(x.flatten(2).transpose(1, 2))
        x = x + tokens.transpose(1, 2).reshape(x.shape)
        return self.head(self.tail(x).mean((2, 3)))


def vit_fused():
    """The same with PyTorch's fused attention, mean pooling instead of a class token, layer scale."""
    from timm.layers import set_fused_attn
    from timm.models.vision_transformer import VisionTransformer
    set_fused_attn(True)
    return VisionTransformer(img_size=32, patch_size=8, num_classes=CLASSES, embed_dim=32, depth=2,
                             num_heads=2, mlp_ratio=2, class_token=False, global_pool="avg",
                             init_values=1.0, qk_norm=True)


def levit():
    """LeViT: convolutional stem, attention with BatchNorm after linear layers, learned biases."""
    from timm.models.levit import Levit
    return Levit(img_size=64, num_classes=CLASSES, embed_dim=(24, 36), key_dim=8, depth=(2, 2),
                 num_heads=(2, 3), attn_ratio=2, mlp_ratio=2)


class MobileViTBlock(nn.Module):
    """Convolution, attention between the same pixels of all 2 x 2 patches, convolution."""

    def __init__(self, channels, width, depth):
        super().__init__()
        self.local = nn.Sequential(
            conv_bn(channels, channels, act=nn.SiLU), nn.Conv2d(channels, width, 1, bias=False))
        self.blocks = nn.Sequential(*[TransformerBlock(width, 2, 2 * width) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.project = conv_bn(width, channels, 1, act=nn.SiLU)
        self.fuse = conv_bn(2 * channels, channels, act=nn.SiLU)

    def forward(self, x):
        y = self.local(x)
        batch, channels, height, width = y.shape
        y = y.reshape(batch, channels, height // 2, 2, width // 2, 2).permute(0, 3, 5, 2, 4, 1)
        y = self.blocks(y.reshape(batch * 4, height * width // 4, channels))
        y = self.norm(y).reshape(batch, 2, 2, height // 2, width // 2, channels)
        y = y.permute(0, 5, 3, 1, 4, 2).reshape(batch, channels, height, width)
        return self.fuse(torch.cat([x, self.project(y)], 1))


def mobilevit():
    from torchvision.models.mobilenetv2 import InvertedResidual
    return nn.Sequential(
        conv_bn(3, 8, 3, 2, act=nn.SiLU), InvertedResidual(8, 8, 1, 2), InvertedResidual(8, 12, 2, 2),
        InvertedResidual(12, 16, 2, 2), MobileViTBlock(16, 24, 2), InvertedResidual(16, 16, 2, 2),
        MobileViTBlock(16, 24, 1), conv_bn(16, 48, 1, act=nn.SiLU), *head(48))
