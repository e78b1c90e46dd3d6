# Makes the criteria and columns of formulas_lme4.csv anew from its formulas, and missing_lme4.csv: Rscript formulas.R, with lme4 1.1-31 and R 4.2.2 (Debian 12).
suppressMessages({library(lme4); library(splines)})
table <- read.csv("formulas.csv", check.names = FALSE)
table$b <- table$b == "True"
formulas <- read.csv("formulas_lme4.csv")$formula
fit <- function(text) suppressWarnings(suppressMessages(lmer(as.formula(text), table, control = lmerControl(calc.derivs = FALSE))))
rows <- lapply(formulas, function(text) {
  model <- fit(text)
  data.frame(formula = text, criterion = sprintf("%.8f", REMLcrit(model)), columns = ncol(getME(model, "X")))
})
write.csv(do.call(rbind, rows), "formulas_lme4.csv", row.names = FALSE)

# missing_lme4.csv: rows with missing values, which na.omit leaves out, and with them a level.
table$x[table$g == "g00"] <- NA
table$z[c(30, 41)] <- NA
table$g[100] <- NA
table$w[41] <- NA
model <- lmer(y ~ x + offset(z) + (x | g), table, weights = w, control = lmerControl(calc.derivs = FALSE))
reference <- data.frame(criterion = sprintf("%.8f", REMLcrit(model)), rows = nobs(model), levels = ngrps(model),
                        intercept = sprintf("%.8f", fixef(model)[1]), slope = sprintf("%.8f", fixef(model)[2]))
write.csv(reference, "missing_lme4.csv", row.names = FALSE)
