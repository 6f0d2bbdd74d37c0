"""The search side: TAP services that the operator allows, asked by their standards only."""
