"""What the database of accounts keeps: users, queries, baskets."""
