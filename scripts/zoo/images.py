"""Inputs that every part of the zoo makes alike."""

import numpy as np


def images(shapes):
    """Inputs that a test can make again: a hash of each element's index, between -1 and 1."""
    result, start = [], 0
    for shape in shapes:
        h = np.arange(start, start + np.prod(shape), dtype=np.uint64).astype(np.uint32)
        start += int(np.prod(shape))
        with np.errstate(over="ignore"):
            for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
                h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
        result.append((h.astype(np.float64) / 2**31 - 1).astype(np.float32).reshape(shape))
    return result
