// y = X beta + Z u + e for one grouping factor;
// the rows of a group stand together.
// The effects u are sampled. Append the block of a file log_lik_*.stan.
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
  matrix[q, J] z;
  real<lower=0> sigma;
}
transformed parameters {
  // G = root root', for each group.
  matrix[q, q] root = diag_pre_multiply(tau, L);
  matrix[q, J] u = root * z;
}
model {
  beta ~ normal(beta_mean, beta_sd);
  tau ~ normal(0, tau_scale);
  L ~ lkj_corr_cholesky(2);
  to_vector(z) ~ std_normal();
  sigma ~ normal(0, sigma_scale);
  for (j in 1:J) {
    y[first[j]:last[j]]
      ~ normal(X[first[j]:last[j]] * beta
               + Z[first[j]:last[j]] * u[ , j], sigma);
  }
}
