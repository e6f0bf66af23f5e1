"""Training of the regression network: pseudo-truth, rendered heads, bump targets, losses."""
