"""One figure a function, from results; the only place that imports Matplotlib."""
