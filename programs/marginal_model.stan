// y = X beta + Z u + e for one grouping factor;
// the rows of a group stand together.
// The effects u are integrated out: each group's rows have mean X beta
// and covariance Z G Z' + sigma^2 I. Append the block of
// log_lik_integrated.stan or log_lik_group.stan.
// For Stan 2.26 or later.
data {
  int<lower=1> n;
  int<lower=1> p;
  int<lower=1> q;  // effects of a group
  int<lower=1> J;  // groups
  vector[n] y;
  matrix[n, p] X;
  // What the effects of the row's own group are multiplied by.
  matrix[n, q] Z;
  array[J] int<lower=1> first;  // rows of each group
  array[J] int<lower=1> last;
  vector[p] beta_mean;
  vector<lower=0>[p] beta_sd;
  vector<lower=0>[q] tau_scale;
  real<lower=0> sigma_scale;
}
parameters {
  vector[p] beta;
  vector<lower=0>[q] tau;
  cholesky_factor_corr[q] L;
  real<lower=0> sigma;
}
transformed parameters {
  // G = root root', for each group.
  matrix[q, q] root = diag_pre_multiply(tau, L);
}
model {
  beta ~ normal(beta_mean, beta_sd);
  tau ~ normal(0, tau_scale);
  L ~ lkj_corr_cholesky(2);
  sigma ~ normal(0, sigma_scale);
  for (j in 1:J) {
    int m = last[j] - first[j] + 1;
    matrix[m, q] A = Z[first[j]:last[j]] * root;
    matrix[m, m] V = add_diag(tcrossprod(A), square(sigma));
    y[first[j]:last[j]] ~ multi_normal(X[first[j]:last[j]] * beta, V);
  }
}
