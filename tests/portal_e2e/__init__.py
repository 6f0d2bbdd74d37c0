"""The explorer as people use it: a browser, the real services, and nothing in their place."""
