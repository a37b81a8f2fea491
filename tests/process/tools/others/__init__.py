"""Servers of tools that others wrote, called in answers everywhere: `make mcp`."""
