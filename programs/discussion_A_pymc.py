# Experiment 1, program A: the effects u are parameters.
import pandas as pd
import pymc as pm

d = pd.read_csv("thread_like.csv")
X = d[["x1", "x2", "x3", "x4"]].to_numpy()
Z = d[["z1", "z2", "z3", "z4", "z5"]].to_numpy()

with pm.Model() as A:
    beta = pm.Normal("beta", 0, 10, shape=4)
    tau = pm.HalfNormal("tau", 1, shape=5)
    sigma = pm.HalfNormal("sigma", 1)
    u = pm.Normal("u", 0, tau)
    pm.Normal("y", X @ beta + Z @ u, sigma, observed=d.y)
    draws = pm.sample()
