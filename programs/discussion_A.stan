// Experiment 1, program A: the effects u are parameters.
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
  vector[q] u;
  vector<lower=0>[q] tau;
  real<lower=0> sigma;
}
model {
  beta ~ normal(0, 10);
  tau ~ normal(0, 1);
  sigma ~ normal(0, 1);
  u ~ normal(0, tau);
  y ~ normal(X * beta + Z * u, sigma);
}
