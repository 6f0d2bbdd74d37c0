"""What the API takes and gives; OpenAPI, and with it the typed client of the pages, is made of these."""
