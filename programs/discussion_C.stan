// Experiment 1, program C as it should be:
// the effects are integrated out.
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
  matrix[n, n] V = tcrossprod(diag_post_multiply(Z, tau));
  for (i in 1:n)
    V[i, i] = V[i, i] + sigma^2;   // a variance: the square
  beta ~ normal(0, 10);
  tau ~ normal(0, 1);
  sigma ~ normal(0, 1);
  y ~ multi_normal_cholesky(X * beta, cholesky_decompose(V));
}
