"""The explorer's server: search, results, accounts, baskets, jobs."""
