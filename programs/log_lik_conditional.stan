generated quantities {
  vector[n] log_lik;  // log p(y_i | u, theta)
  for (j in 1:J) {
    for (i in first[j]:last[j]) {
      log_lik[i] = normal_lpdf(y[i] | X[i] * beta + Z[i] * u[ , j], sigma);
    }
  }
}
