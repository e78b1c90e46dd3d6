# Rscript stan_discussion.R FOLDER_OF_PROGRAMS ASKED.json OUT.json: log densities of the discussion's programs at given points.
folder <- dirname(sub("--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(folder, "../stan_program.R"))
arguments <- commandArgs(trailingOnly = TRUE)
asked <- jsonlite::fromJSON(arguments[2])
unsampled <- list(
  stan = function(file) sampling(stan_program(paste(readLines(file), collapse = "\n")), asked$data, chains = 0),
  R = function(file) {
    # The program as it stands, whose table is the one asked for, and which draws nothing.
    names <- new.env()
    names$library <- function(package) suppressMessages(library("brms"))
    names$read.csv <- function(file) as.data.frame(c(list(y = asked$data$y), asked$columns))
    names$brm <- function(...) brms::brm(..., chains = 0, silent = 2, stan_model_args = boost)
    sys.source(file, names)
    names$fit$fit
  }
)
log_densities <- function(name) {
  file <- list.files(arguments[1], paste0("^", name, "\\.(stan|R)$"), full.names = TRUE)
  fit <- unsampled[[tools::file_ext(file)]](file)
  apply(asked$points[[name]], 1, function(point) log_prob(fit, point))
}
names <- names(asked$points)
found <- lapply(setNames(names, names), log_densities)
write(jsonlite::toJSON(found, digits = 17), arguments[3])
