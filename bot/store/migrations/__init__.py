"""The database's history: one script for each change of the tables."""
