// Experiment 1, program C as we read it:
// every scale is taken for a variance.
data {
  int n;
  int p;
  int q;
  matrix[n, p] X;
  matrix[n, q] Z;
  vector[n] y;
}
parameters {
  vector[p] beta;
  vector<lower=0>[q] tau;
  real<lower=0> sigma;
}
model {
  // The slip: G = diag(tau), and below R = sigma I.
  matrix[n, n] V = tcrossprod(diag_post_multiply(Z, sqrt(tau)));
  for (i in 1:n)
    V[i, i] = V[i, i] + sigma;
  beta ~ normal(0, 10);
  tau ~ normal(0, 1);
  sigma ~ normal(0, 1);
  y ~ multi_normal_cholesky(X * beta, cholesky_decompose(V));
}
