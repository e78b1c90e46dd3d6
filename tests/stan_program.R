# A compiled Stan program from its code, at the rstan and in the place of Boost that are found.
suppressMessages(library(rstan))
# Debian's BH leaves Boost's headers where the system has them.
boost <- if (dir.exists(system.file("include", package = "BH"))) list() else list(boost_lib = "/usr/include")
stan_program <- function(code) {
  # Debian's rstan is older than the syntax of today's arrays.
  if (packageVersion("rstan") < "2.26") code <- gsub("array\\[(\\w+)\\] (int<[^>]*>) (\\w+);", "\\2 \\3[\\1];", code)
  do.call(stan_model, c(list(model_code = code), boost))
}
