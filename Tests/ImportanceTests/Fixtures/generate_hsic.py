"""Writes hsic.json: HSIC by its definitions, in float64 NumPy. Run beside this file."""
import json
import pathlib

import numpy as np

rng = np.random.default_rng(20)
n = 17
latent = rng.normal(size=(n, 3))
features = [
    (latent @ rng.normal(size=(3, d)) + scale * rng.normal(size=(n, d)) + 0.5).astype(np.float32)
    for d, scale in [(6, 0.3), (9, 1.0), (4, 0.6)]
]
kernels = [x.astype(np.float64) @ x.astype(np.float64).T for x in features]
h = np.eye(n) - 1 / n


def biased(k, l):
    return np.trace(k @ h @ l @ h) / (n - 1) ** 2


def unbiased(k, l):
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    one = np.ones(n)
    total = np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


b = np.array([[biased(k, l) for l in kernels] for k in kernels])
u = np.array([[unbiased(k, l) for l in kernels] for k in kernels])
nhsic = b / np.sqrt(np.outer(np.diag(b), np.diag(b)))
sums = nhsic.sum(1) - 1
redundancy = sums / sums.mean()
importance = np.exp(-(redundancy - 1))
importance /= importance.mean()
golden = dict(
    samples=n, features=[x.ravel().tolist() for x in features], biased=b.ravel().tolist(),
    unbiased=u.ravel().tolist(), nhsic=nhsic.ravel().tolist(), redundancy=redundancy.tolist(),
    importance=importance.tolist())
pathlib.Path(__file__).with_name("hsic.json").write_text(json.dumps(golden) + "\n")
