# Makes profiles_lme4.csv anew, lme4's profile intervals of fits by ML: Rscript profiles.R, with lme4 1.1-31 and R 4.2.2 (Debian 12).
# lme4 reads the ends off a spline through the profile, right to about 1e-5 of an interval. A fit by REML is refitted by ML: "reml" shows it.
suppressMessages(library(lme4))
models <- list(
  slopes = list(Reaction ~ Days + (Days | Subject), sleepstudy, FALSE),
  reml = list(Reaction ~ Days + (Days | Subject), sleepstudy, TRUE),
  uncorrelated = list(Reaction ~ Days + (Days || Subject), sleepstudy, FALSE),
  dyestuff = list(Yield ~ 1 + (1 | Batch), Dyestuff, FALSE),
  singular = list(Yield ~ 1 + (1 | Batch), Dyestuff2, FALSE),
  pastes = list(strength ~ 1 + (1 | sample) + (1 | batch), Pastes, FALSE),
  penicillin = list(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, FALSE)
)
rows <- list()
for (name in names(models)) {
  m <- models[[name]]
  fit <- suppressMessages(do.call(lmer, list(m[[1]], m[[2]], REML = m[[3]])))
  for (level in c(0.8, 0.95)) {
    ends <- suppressMessages(confint(fit, method = "profile", level = level))
    rows[[length(rows) + 1]] <- data.frame(
      model = name, level, parameter = rownames(ends), lower = sprintf("%.9g", ends[, 1]), upper = sprintf("%.9g", ends[, 2]))
  }
}
write.csv(do.call(rbind, rows), "profiles_lme4.csv", row.names = FALSE, quote = FALSE)
