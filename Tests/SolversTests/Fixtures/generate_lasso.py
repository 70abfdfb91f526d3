"""Writes lasso.json: paths of scikit-learn's lasso_path on fixed problems (float64, tight tolerance)."""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import lasso_path

rng = np.random.default_rng(7)
problems = []
for samples, columns, mixed in [(40, 5, 0.0), (60, 12, 0.7), (200, 24, 0.9), (30, 8, 0.5)]:
    x = rng.normal(size=(samples, columns)) * rng.uniform(0.2, 3, size=columns)
    x = x + mixed * x.mean(1, keepdims=True) * columns**0.5
    y = x @ (rng.normal(size=columns) * (rng.random(columns) < 0.6)) + rng.normal(size=samples)
    greatest = np.abs(x.T @ y).max() / samples
    alphas = greatest * np.geomspace(1, 1e-3, 15)
    _, coefficients, _ = lasso_path(x, y, alphas=alphas, tol=1e-14, max_iter=1_000_000)
    problems.append(dict(
        quadratic=(x.T @ x / samples).ravel().tolist(), linear=(x.T @ y / samples).tolist(),
        penalties=alphas.tolist(), coefficients=coefficients.T.tolist()))

golden = dict(sklearn=sklearn.__version__, problems=problems)
pathlib.Path(__file__).with_name("lasso.json").write_text(json.dumps(golden) + "\n")
