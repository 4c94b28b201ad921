"""The shipped networks that torchvision does not have, as PyTorch modules: their workload files are traced from these.

`python tests/workloads/models.py NAME` prints the file of one again, `... NAME FILE` writes it.
"""

from __future__ import annotations

import sys
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional


def conv_bn(inputs, outputs, kernel, stride=1, groups=1):
    pad = kernel // 2
    conv = nn.Conv2d(inputs, outputs, kernel, stride, pad, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def mobilenet_v1():
    """Howard et al. 2017, width 1.0 at 224x224."""
    plan = [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2),
            *[(512, 512, 1)] * 5, (512, 1024, 2), (1024, 1024, 1)]  # fmt: skip
    layers = [conv_bn(3, 32, 3, 2)]
    for inputs, outputs, stride in plan:
        layers += [conv_bn(inputs, inputs, 3, stride, inputs), conv_bn(inputs, outputs, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000))


class YoloTiny(nn.Module):
    """YOLOv3-tiny (Redmon and Farhadi 2018) at 416x416: two heads of 3 boxes x 85."""

    def __init__(self):
        super().__init__()
        widths = [3, 16, 32, 64, 128, 256]
        self.stem = nn.ModuleList(conv_bn(a, b, 3) for a, b in pairwise(widths))
        self.down = nn.ModuleList([conv_bn(256, 512, 3), conv_bn(512, 1024, 3), conv_bn(1024, 256, 1)])
        self.coarse = nn.Sequential(conv_bn(256, 512, 3), nn.Conv2d(512, 255, 1))
        self.squeeze = conv_bn(256, 128, 1)
        self.fine = nn.Sequential(conv_bn(384, 256, 3), nn.Conv2d(256, 255, 1))

    def forward(self, x):
        for index, layer in enumerate(self.stem):
            x = layer(x)
            skip = x
            x = functional.max_pool2d(x, 2)
            assert index < 5
        x = self.down[0](x)
        x = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 2, 1)
        x = self.down[2](self.down[1](x))
        up = functional.interpolate(self.squeeze(x), scale_factor=2)
        return self.coarse(x), self.fine(torch.cat([up, skip], 1))


class UNet(nn.Module):
    """Ronneberger et al. 2015 at 572x572: valid convolutions, cropped skips, 2 classes."""

    def __init__(self):
        super().__init__()
        widths = [64, 128, 256, 512, 1024]
        self.down = nn.ModuleList(self._pair(a, b) for a, b in zip([1, *widths], widths, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in widths[-2::-1])
        self.join = nn.ModuleList(self._pair(2 * w, w) for w in widths[-2::-1])
        self.head = nn.Conv2d(64, 2, 1)

    @staticmethod
    def _pair(inputs, outputs):
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3), nn.ReLU(), nn.Conv2d(outputs, outputs, 3), nn.ReLU())

    def forward(self, x):
        skips = []
        for level, pair in enumerate(self.down):
            x = pair(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for up, pair, skip in zip(self.up, self.join, skips[-2::-1], strict=True):
            x = up(x)
            edge = (skip.shape[-1] - x.shape[-1]) // 2
            skip = skip[:, :, edge : edge + x.shape[-1], edge : edge + x.shape[-1]]
            x = pair(torch.cat([skip, x], 1))
        return self.head(x)


class Attention(nn.Module):
    """Multi-head attention; with fewer K/V heads than heads, the queries of a group share one K/V head.

    The queries of a group are laid out as rows of one matrix, so that K and V are read once for the group. In the
    decode step of a language model K and V of the tokens before come from `past`, a cache with room for the new one.
    """

    def __init__(self, width, heads, kv_heads, *, bias):
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        self.q = nn.Linear(width, width, bias=bias)
        self.k = nn.Linear(width, kv_heads * self.size, bias=bias)
        self.v = nn.Linear(width, kv_heads * self.size, bias=bias)
        self.o = nn.Linear(width, width, bias=bias)

    def forward(self, x, past=None):
        batch, tokens, width = x.shape
        group = self.heads // self.kv_heads
        q = self.q(x).view(batch, tokens, self.kv_heads, group, self.size).permute(0, 2, 3, 1, 4)
        q = q.reshape(batch, self.kv_heads, group * tokens, self.size)
        k = self.k(x).view(batch, tokens, self.kv_heads, self.size).transpose(1, 2)
        v = self.v(x).view(batch, tokens, self.kv_heads, self.size).transpose(1, 2)
        if past is not None:
            last = past[0].shape[2] - tokens
            k, v = torch.slice_scatter(past[0], k, 2, last), torch.slice_scatter(past[1], v, 2, last)
        mixed = torch.softmax(q @ k.transpose(2, 3), -1) @ v
        mixed = mixed.view(batch, self.kv_heads, group, tokens, self.size).permute(0, 3, 1, 2, 4)
        return self.o(mixed.reshape(batch, tokens, width))


class BertLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention(768, 12, 12, bias=True)
        self.norm1, self.norm2 = nn.LayerNorm(768), nn.LayerNorm(768)
        self.up, self.down = nn.Linear(768, 3072), nn.Linear(3072, 768)

    def forward(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.down(functional.gelu(self.up(x))))


class Bert(nn.Module):
    """The encoder of BERT-base (Devlin et al. 2019), after its embeddings."""

    def __init__(self):
        super().__init__()
        self.layer = nn.ModuleList(BertLayer() for _ in range(12))

    def forward(self, x):
        for layer in self.layer:
            x = layer(x)
        return x


class LlamaBlock(nn.Module):
    """One block of Llama 3 8B: 32 query heads on 8 K/V heads, SwiGLU; without rotary embedding, which has no MACs."""

    def __init__(self):
        super().__init__()
        self.attention = Attention(4096, 32, 8, bias=False)
        self.norm1, self.norm2 = nn.RMSNorm(4096), nn.RMSNorm(4096)
        self.gate, self.up = nn.Linear(4096, 14336, bias=False), nn.Linear(4096, 14336, bias=False)
        self.down = nn.Linear(14336, 4096, bias=False)

    def forward(self, x, k=None, v=None):
        x = x + self.attention(self.norm1(x), None if k is None else (k, v))
        y = self.norm2(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


CACHED = (1, 8, 2048, 128)

MODELS = {
    "mobilenet_v1": (mobilenet_v1, ((1, 3, 224, 224),), "MobileNet v1, width 1.0"),
    "yolov3_tiny": (YoloTiny, ((1, 3, 416, 416),), "YOLOv3-tiny, 80 classes"),
    "unet": (UNet, ((1, 1, 572, 572),), "U-Net as published in 2015, with valid convolutions"),
    "bert_base": (Bert, ((1, 128, 768),), "BERT-base, its 12 encoder layers"),
    "llama3_8b_prefill": (LlamaBlock, ((1, 2048, 4096),), "one block of Llama 3 8B, prefill"),
    "llama3_8b_decode": (
        LlamaBlock, ((1, 1, 4096), CACHED, CACHED), "one block of Llama 3 8B, one token, K and V of all in a cache",
    ),
}  # fmt: skip
"""Name of the workload to its module, the shapes of its inputs, and what it is."""


def traced(name, *shapes):
    """The workload of one of `MODELS`, of its inputs' own shapes by default."""
    from dataclasses import replace

    import dse

    make, own, description = MODELS[name]
    with torch.device("meta"):
        module = make()
        inputs = [torch.empty(shape) for shape in shapes or own]
    return replace(dse.from_torch(module, *inputs, name=name), description=description)


if __name__ == "__main__":
    from dse.formats.workload.write import dump_workload

    text = dump_workload(traced(sys.argv[1]))
    if len(sys.argv) > 2:
        from pathlib import Path

        Path(sys.argv[2]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
