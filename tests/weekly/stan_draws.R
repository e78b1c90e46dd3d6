# Rscript stan_draws.R DATA.json OUT.json FILE...: draws of the Stan program that the files make, one after the other.
suppressMessages(library(rstan))
arguments <- commandArgs(trailingOnly = TRUE)
data <- jsonlite::fromJSON(arguments[1])
code <- paste(unlist(lapply(arguments[-(1:2)], readLines)), collapse = "\n")
# Debian's rstan is older than the syntax of today's arrays.
if (packageVersion("rstan") < "2.26") code <- gsub("array\\[(\\w+)\\] (int<[^>]*>) (\\w+);", "\\2 \\3[\\1];", code)
# Debian's BH leaves Boost's headers where the system has them.
boost <- if (dir.exists(system.file("include", package = "BH"))) list() else list(boost_lib = "/usr/include")
program <- do.call(stan_model, c(list(model_code = code), boost))
fit <- sampling(program, data, chains = 4, warmup = 500, iter = 1500, refresh = 0, seed = 1)
if (get_num_divergent(fit) > 0) stop("divergences: ", get_num_divergent(fit))
# Draws by chains by the parameter's own shape, in which the first index runs fastest.
kept <- setdiff(fit@model_pars, c("lp__", "z", "root"))
draws <- lapply(setNames(kept, kept), function(name) {
  flat <- extract(fit, name, permuted = FALSE)
  list(shape = c(dim(flat)[1:2], fit@par_dims[[name]]), values = as.vector(flat))
})
write(jsonlite::toJSON(draws, digits = 17), arguments[2])
