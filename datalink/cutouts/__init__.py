"""Event lists cut by region, time and energy: SODA for event lists."""
