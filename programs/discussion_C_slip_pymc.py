# Experiment 1, program C as we read it:
# every scale is taken for a variance.
import numpy as np
import pandas as pd
import pymc as pm

d = pd.read_csv("thread_like.csv")
X = d[["x1", "x2", "x3", "x4"]].to_numpy()
Z = d[["z1", "z2", "z3", "z4", "z5"]].to_numpy()

with pm.Model() as C_slip:
    beta = pm.Normal("beta", 0, 10, shape=4)
    tau = pm.HalfNormal("tau", 1, shape=5)
    sigma = pm.HalfNormal("sigma", 1)
    V = (Z * tau) @ Z.T + sigma * np.eye(100)  # the slip: no squares
    pm.MvNormal("y", X @ beta, V, observed=d.y)
    draws = pm.sample()
