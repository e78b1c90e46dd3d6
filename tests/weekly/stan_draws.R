# Rscript stan_draws.R DATA.json OUT.json FILE...: draws of the Stan program that the files make, one after the other.
folder <- dirname(sub("--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(folder, "../stan_program.R"))
arguments <- commandArgs(trailingOnly = TRUE)
data <- jsonlite::fromJSON(arguments[1])
code <- paste(unlist(lapply(arguments[-(1:2)], readLines)), collapse = "\n")
program <- stan_program(code)
# Steps as small as those of lmm.sample: with Stan's own two in 4,000 of the slip's diverged.
control <- list(adapt_delta = 0.95)
fit <- sampling(program, data, chains = 4, warmup = 500, iter = 1500, refresh = 0, seed = 1, control = control)
if (get_num_divergent(fit) > 0) stop("divergences: ", get_num_divergent(fit))
# Draws by chains by the parameter's own shape, in which the first index runs fastest.
kept <- setdiff(fit@model_pars, c("lp__", "z", "root"))
draws <- lapply(setNames(kept, kept), function(name) {
  flat <- extract(fit, name, permuted = FALSE)
  list(shape = c(dim(flat)[1:2], fit@par_dims[[name]]), values = as.vector(flat))
})
write(jsonlite::toJSON(draws, digits = 17), arguments[2])
