"""The routes of the API. All are listed here."""

from portal.server.routes import account, baskets, config, jobs, operations, queries, search

ROUTERS = (
    account.router,
    baskets.router,
    config.router,
    jobs.router,
    operations.router,
    queries.router,
    search.router,
)
