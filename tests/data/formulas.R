# Makes the criteria and columns of formulas_lme4.csv anew from its formulas: Rscript formulas.R, with lme4 1.1-31 and R 4.2.2 (Debian 12).
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
