# The rats (rats.csv): a line of each rat's own, u integrated out, by rstan.
library(rstan)
rats <- read.csv("rats.csv")
rats <- rats[with(rats, order(rat, day)), ]
X <- model.matrix(~ I(day - 22), rats)
weight <- rats[["weight"]]
size <- as.vector(table(rats[["rat"]]))
data <- list(
  n = nrow(X), p = 2, q = 2, J = length(size), y = weight, X = X, Z = X,
  first = cumsum(size) - size + 1, last = cumsum(size),
  beta_mean = c(mean(weight), 0), beta_sd = c(300, 10),
  tau_scale = c(60, 3), sigma_scale = 60
)
# In the second place log_lik_group.stan leaves out a rat, not a row.
program <- c(readLines("marginal_model.stan"),
             readLines("log_lik_integrated.stan"))
fit <- stan(model_code = paste(program, collapse = "\n"), data = data)
print(fit, c("beta", "tau", "sigma"))
print(loo(fit))
