# Experiment 1, C without priors: lme4 always integrates the effects out.
# All rows are one group.
library(lme4)

d <- read.csv("thread_like.csv")
d$all <- 1
fit <- lmer(
  y ~ 0 + x1 + x2 + x3 + x4 + (0 + z1 + z2 + z3 + z4 + z5 || all), d,
  REML = FALSE, control = lmerControl(check.nlev.gtr.1 = "ignore")
)
