# Experiment 1, program C as it should be: the effects are integrated out.
import numpy as np
import pandas as pd
import pymc as pm

d = pd.read_csv("thread_like.csv")
X = d[["x1", "x2", "x3", "x4"]].to_numpy()
Z = d[["z1", "z2", "z3", "z4", "z5"]].to_numpy()

with pm.Model() as C:
    beta = pm.Normal("beta", 0, 10, shape=4)
    tau = pm.HalfNormal("tau", 1, shape=5)
    sigma = pm.HalfNormal("sigma", 1)
    # Variances: the squares.
    V = (Z * tau**2) @ Z.T + sigma**2 * np.eye(100)
    pm.MvNormal("y", X @ beta, V, observed=d.y)
    draws = pm.sample()
