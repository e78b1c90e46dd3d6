# Rscript stan_discussion.R FOLDER_OF_STAN ASKED.json OUT.json: log densities of the discussion's programs at given points.
suppressMessages(library(rstan))
arguments <- commandArgs(trailingOnly = TRUE)
asked <- jsonlite::fromJSON(arguments[2])
log_densities <- function(name) {
  program <- stan_model(file.path(arguments[1], paste0(name, ".stan")))
  fit <- sampling(program, asked$data, chains = 0)
  apply(asked$points[[name]], 1, function(point) log_prob(fit, point))
}
names <- names(asked$points)
found <- lapply(setNames(names, names), log_densities)
write(jsonlite::toJSON(found, digits = 17), arguments[3])
