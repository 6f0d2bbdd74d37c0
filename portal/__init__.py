"""The data explorer: a web portal over the services, which it asks by their standards only."""
