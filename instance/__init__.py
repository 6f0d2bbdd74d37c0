"""The private instance: packages, PostgreSQL cluster, DaCHS root, release, server."""
