# What lme4, brms and rstan take: Rscript peers.R TASK ..., one task a process; the last line printed is JSON.
# Debian: r-cran-lme4, and for the Bayesian ones r-cran-brms (which brings rstan), r-cran-rcppeigen, libboost-dev.

seconds <- function(work) {
  began <- proc.time()[[3]]
  force(work())
  proc.time()[[3]] - began
}

answer <- function(values) {
  shown <- vapply(values, function(v) if (is.character(v)) dQuote(v, FALSE) else format(v, digits = 15), "")
  cat("\n{", paste0(dQuote(names(values), FALSE), ": ", shown, collapse = ", "), "}\n", sep = "")
}

needs <- function(package) {
  if (!requireNamespace(package, quietly = TRUE)) stop("the R package ", package, " is not there", call. = FALSE)
  suppressMessages(library(package, character.only = TRUE))
}

smallest_ess <- function(draws) {
  kept <- setdiff(posterior::variables(draws), c("lp__", "lprior"))
  min(vapply(kept, function(v) posterior::ess_bulk(posterior::extract_variable_matrix(draws, v)), 1))
}

# Debian's BH leaves Boost's headers where the system has them.
boost <- function() if (dir.exists(system.file("include", package = "BH"))) list() else list(boost_lib = "/usr/include")

lme4_ml <- function(formula, path) {
  needs("lme4")
  data <- read.csv(path, stringsAsFactors = TRUE)
  if ("Subject" %in% names(data)) data$Subject <- factor(data$Subject)
  work <- function() lmer(as.formula(formula), data, REML = FALSE)
  first <- seconds(work)
  fit <- work()
  later <- replicate(7, seconds(function() for (i in 1:5) work()) / 5)
  answer(list(first = first, median = median(later), minimum = min(later), repeats = 7, criterion = -2 * as.numeric(logLik(fit)),
    evaluations = fit@optinfo$feval))
}

# A folder of columns, as columns.py writes it: the labels of a factor are its name and the code.
read_columns <- function(folder) {
  columns <- list()
  for (file in list.files(folder, full.names = TRUE)) {
    kind <- tools::file_ext(file)
    name <- tools::file_path_sans_ext(basename(file))
    size <- if (kind == "double") 8 else 4
    values <- readBin(file, kind, file.size(file) / size, size, endian = "little")
    if (kind == "integer") values <- structure(values + 1L, levels = paste0(name, seq_len(max(values) + 1L) - 1L), class = "factor")
    columns[[name]] <- values
  }
  as.data.frame(columns)
}

peak_mib <- function() {
  status <- "/proc/self/status"
  if (!file.exists(status)) return(NULL)
  as.numeric(gsub("[^0-9]", "", grep("^VmHWM", readLines(status), value = TRUE))) / 1024
}

# One fit of a table in memory, without the check of derivatives after it; then one evaluation of its criterion by itself.
lme4_fit <- function(formula, method, folder) {
  needs("lme4")
  data <- read_columns(folder)
  taken <- seconds(function() {
    fit <<- lmer(as.formula(formula), data, REML = method == "reml", control = lmerControl(calc.derivs = FALSE))
  })
  peak <- peak_mib()
  criterion <- if (method == "reml") REMLcrit(fit) else -2 * as.numeric(logLik(fit))
  deviance <- update(fit, devFunOnly = TRUE)
  theta <- getME(fit, "theta")
  once <- max(seconds(function() deviance(theta)), 1e-3)
  loops <- ceiling(0.2 / once)
  evaluation <- seconds(function() for (i in seq_len(loops)) deviance(theta)) / loops
  answer(c(list(rows = nrow(data), seconds = taken, criterion = criterion, evaluations = fit@optinfo$feval, evaluation = evaluation), peak_mib = peak))
}

brms_sleepstudy <- function(path) {
  needs("brms")
  data <- read.csv(path, colClasses = c(Subject = "factor"))
  compile <- seconds(function() {
    unsampled <<- brm(Reaction ~ Days + (Days | Subject), data, chains = 0, silent = 2, stan_model_args = boost())
  })
  sample <- function() fit <<- update(unsampled, chains = 4, cores = 2, iter = 2000, refresh = 0, seed = 1, silent = 2, recompile = FALSE)
  sample_s <- seconds(sample)
  answer(list(first = compile + sample_s, second = sample_s, sampling = sample_s, smallest_ess = smallest_ess(posterior::as_draws_array(fit)),
    divergences = sum(brms::nuts_params(fit, pars = "divergent__")$Value), draws = brms::ndraws(fit)))
}

DATA <- "data { int n; int p; int q; matrix[n, p] X; matrix[n, q] Z; vector[n] y; }"
PARAMETERS <- "vector[p] beta; vector<lower=0>[q] tau; real<lower=0> sigma;"
PRIOR <- "beta ~ normal(0, 10); tau ~ normal(0, 1); sigma ~ normal(0, 1);"
MODELS <- list(
  conditional = paste(DATA, "parameters {", PARAMETERS, "vector[q] u; } model {", PRIOR,
    "u ~ normal(0, tau); y ~ normal(X * beta + Z * u, sigma); }"),
  marginal = paste(DATA, "parameters {", PARAMETERS,
    "} model { matrix[n, n] V = add_diag(tcrossprod(diag_post_multiply(Z, tau)), sigma^2);", PRIOR,
    "y ~ multi_normal_cholesky(X * beta, cholesky_decompose(V)); }"))

rstan_thread_like <- function(formulation, path) {
  needs("rstan")
  d <- read.csv(path)
  data <- list(n = nrow(d), p = 4, q = 5, X = as.matrix(d[paste0("x", 1:4)]), Z = as.matrix(d[paste0("z", 1:5)]), y = d$y)
  compile <- seconds(function() model <<- do.call(stan_model, c(list(model_code = MODELS[[formulation]]), boost())))
  sample_s <- seconds(function() fit <<- sampling(model, data = data, chains = 4, cores = 2, iter = 2000, refresh = 0, seed = 1))
  answer(list(first = compile + sample_s, second = sample_s, sampling = sample_s, smallest_ess = smallest_ess(posterior::as_draws_array(fit)),
    divergences = rstan::get_num_divergent(fit), draws = 4000))
}

versions <- function() {
  packages <- c("lme4", "brms", "rstan")
  found <- packages[vapply(packages, requireNamespace, TRUE, quietly = TRUE)]
  answer(c(list(R = paste(R.version$major, R.version$minor, sep = ".")), lapply(setNames(found, found), function(p) as.character(packageVersion(p)))))
}

given <- commandArgs(TRUE)
do.call(given[1], as.list(given[-1]))
