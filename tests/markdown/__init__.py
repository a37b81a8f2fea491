"""The shared Markdown reader."""
