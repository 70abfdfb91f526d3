"""Writes reconstruction.json: greedy removal where every candidate is a fresh least-squares fit.

No inverse is down-dated here: the loss of a set is computed from its definition. float64 NumPy.
"""
import json
import pathlib

import numpy as np

rng = np.random.default_rng(12)
units, size, outputs, samples, width = 7, 2, 4, 60, 3
columns = units * size
x = np.maximum(rng.normal(size=(samples, columns)) @ rng.normal(size=(columns, columns)) + 0.5, 0)
x = x.astype(np.float32)
w = rng.normal(size=(outputs, columns)).astype(np.float32)

u = x.astype(np.float64)
mu = u.mean(0)
h = (u - mu).T @ (u - mu)
h += 0.01 * np.diag(h).mean() * np.eye(columns)
w64 = w.astype(np.float64)


def columns_of(kept):
    return [c * size + k for c in sorted(kept) for k in range(size)]


def fit(kept):
    updated = np.zeros_like(w64)
    k = columns_of(kept)
    if k:
        updated[:, k] = np.linalg.solve(h[np.ix_(k, k)], (w64 @ h)[:, k].T).T
    d = w64 - updated
    return updated, np.trace(d @ h @ d.T)


energy = np.trace(w64 @ h @ w64.T)
kept, order, errors = set(range(units)), [], [0.0]
while kept:
    if len(kept) == width:
        updated = fit(kept)[0]
    losses = {c: fit(kept - {c})[1] for c in sorted(kept)}
    best = min(losses, key=losses.get)
    kept.remove(best)
    order.append(best)
    errors.append(losses[best] / energy)

golden = dict(
    units=units, size=size, outputs=outputs, samples=samples, inputs=x.ravel().tolist(),
    weights=w.ravel().tolist(), removalOrder=order, relativeError=errors[::-1], width=width,
    updated=updated.ravel().tolist(), meanShift=((w64 - updated) @ mu).tolist())
pathlib.Path(__file__).with_name("reconstruction.json").write_text(json.dumps(golden) + "\n")
