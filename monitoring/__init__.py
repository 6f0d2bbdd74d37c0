"""Metrics for Prometheus, and whether the service is ready: a process of its own beside the web server's."""
