# Experiment 1, program C as we read it:
# every scale is taken for a variance.
import lmmlib as lmm

d = lmm.load_dataset("thread_like")
X = d[["x1", "x2", "x3", "x4"]].to_numpy()
names = ["z1", "z2", "z3", "z4", "z5"]
terms = [lmm.Term.dense(name, d[[name]].to_numpy()) for name in names]
data = lmm.Data(d.y, lmm.Design(X, terms))
half_normal = lmm.ScalePrior("half-normal", 1)  # of τ and σ
priors = lmm.Priors.build(data.design, beta=(0, 10), sd=half_normal)
C_slip = lmm.report.variance_form_model(data, priors)  # the slip
draws = lmm.sample(C_slip)
