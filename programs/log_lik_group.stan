generated quantities {
  // log p(all rows of a group | theta): u integrated out.
  vector[J] log_lik;
  for (j in 1:J) {
    int m = last[j] - first[j] + 1;
    matrix[m, q] A = Z[first[j]:last[j]] * root;
    matrix[m, m] V = add_diag(tcrossprod(A), square(sigma));
    vector[m] mean_y = X[first[j]:last[j]] * beta;
    log_lik[j] = multi_normal_lpdf(y[first[j]:last[j]] | mean_y, V);
  }
}
