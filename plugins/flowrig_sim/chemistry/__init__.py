"""The reactor: what mixtures of stock solutions yield, from published fits or from a twin."""
