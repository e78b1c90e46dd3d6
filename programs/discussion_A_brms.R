# Experiment 1, program A: brms always samples the effects.
# All rows are one group.
library(brms)

d <- read.csv("thread_like.csv")
d$all <- 1
fit <- brm(
  y ~ 0 + x1 + x2 + x3 + x4 + (0 + z1 + z2 + z3 + z4 + z5 || all), d,
  prior = c(
    prior(normal(0, 10), class = b),
    prior(normal(0, 1), class = sd),
    prior(normal(0, 1), class = sigma)
  )
)
