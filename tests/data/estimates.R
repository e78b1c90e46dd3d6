# Makes estimates_lme4.csv anew, what lme4 gives for fits of sleepstudy: Rscript estimates.R, with lme4 1.1-31 and R 4.2.2 (Debian 12).
# lme4's own search ends within about 1e-5 of the optimum; Newton steps with differences of fourth order go on from there.
suppressMessages(library(lme4))
newton <- function(f, x, h = 1e-3, steps = 4) {
  d <- length(x)
  e <- diag(h, d)
  for (step in seq_len(steps)) {
    slope <- sapply(seq_len(d), function(i)
      (8 * (f(x + e[i, ]) - f(x - e[i, ])) - (f(x + 2 * e[i, ]) - f(x - 2 * e[i, ]))) / (12 * h))
    curvature <- matrix(0, d, d)
    for (i in seq_len(d)) for (j in seq_len(d))
      curvature[i, j] <- (f(x + e[i, ] + e[j, ]) - f(x + e[i, ] - e[j, ]) - f(x - e[i, ] + e[j, ]) + f(x - e[i, ] - e[j, ])) / (4 * h^2)
    x <- x - solve(curvature, slope)
  }
  x
}
fit <- function(formula, reml) {
  parts <- lFormula(formula, sleepstudy, REML = reml)
  deviance <- do.call(mkLmerDevfun, parts)
  found <- optimizeLmer(deviance)
  found$par <- newton(deviance, found$par)
  found$fval <- deviance(found$par)
  mkMerMod(environment(deviance), found, parts$reTrms, parts$fr, mc = call("lmer", formula = formula, data = quote(sleepstudy)))
}
formulas <- list(
  intercepts = Reaction ~ Days + (1 | Subject),
  uncorrelated = Reaction ~ Days + (Days || Subject),
  slopes = Reaction ~ Days + (Days | Subject)
)
rows <- list()
add <- function(model, method, quantity, label, value)
  rows[[length(rows) + 1]] <<- data.frame(model, method, quantity, label, value = sprintf("%.12g", value))
new <- data.frame(Days = c(0, 10, 3.5), Subject = c("308", "372", "309"))
for (method in c("ml", "reml")) {
  fits <- lapply(formulas, fit, reml = method == "reml")
  for (name in names(fits)) {
    m <- fits[[name]]
    add(name, method, "loglik", "", as.numeric(logLik(m)))
    add(name, method, "npar", "", attr(logLik(m), "df"))
    add(name, method, "aic", "", AIC(m))
    add(name, method, "bic", "", BIC(m))
    components <- as.data.frame(VarCorr(m))
    add(name, method, "vcov", seq_along(components$vcov), components$vcov)
    add(name, method, "sdcor", seq_along(components$sdcor), components$sdcor)
    add(name, method, "estimate", names(fixef(m)), fixef(m))
    add(name, method, "se", names(fixef(m)), sqrt(diag(as.matrix(vcov(m)))))
    intervals <- confint(m, parm = "beta_", method = "Wald", level = 0.9)
    add(name, method, "lower", rownames(intervals), intervals[, 1])
    add(name, method, "upper", rownames(intervals), intervals[, 2])
    effects <- as.data.frame(ranef(m, condVar = TRUE))
    labels <- paste(effects$grp, effects$term, sep = ":")
    add(name, method, "value", labels, effects$condval)
    if (name != "uncorrelated") add(name, method, "sd", labels, effects$condsd)
    add(name, method, "fitted", 1:3, fitted(m)[1:3])
    add(name, method, "residual", 1:3, residuals(m)[1:3])
    add(name, method, "known", 1:3, predict(m, new))
    add(name, method, "new", 1:3, predict(m, new, re.form = NA))
  }
  tests <- if (method == "ml") anova(fits[[1]], fits[[2]], fits[[3]]) else anova(fits[[1]], fits[[2]], fits[[3]], refit = FALSE)
  for (column in c("npar", "AIC", "BIC", "logLik", "deviance", "Chisq", "Df", "Pr(>Chisq)"))
    add("anova", method, column, names(fits), tests[[column]])
}
write.csv(do.call(rbind, rows), "estimates_lme4.csv", row.names = FALSE, quote = FALSE)
