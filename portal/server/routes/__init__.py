"""The routes of the API. All are listed here."""

from portal.server.routes import account, baskets, operations, queries

ROUTERS = (
    account.router,
    baskets.router,
    operations.router,
    queries.router,
)
