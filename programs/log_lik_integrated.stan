generated quantities {
  // log p(y_i | all other rows, theta): u integrated out,
  // and with P = inverse of V
  // y_i lies [P (y - X beta)]_i / P_ii from its mean given the others.
  vector[n] log_lik;
  for (j in 1:J) {
    int m = last[j] - first[j] + 1;
    matrix[m, q] A = Z[first[j]:last[j]] * root;
    matrix[m, m] P = inverse_spd(add_diag(tcrossprod(A), square(sigma)));
    vector[m] e = P * (y[first[j]:last[j]] - X[first[j]:last[j]] * beta);
    for (i in 1:m) {
      log_lik[first[j] + i - 1]
        = normal_lpdf(e[i] / P[i, i] | 0, inv_sqrt(P[i, i]));
    }
  }
}
