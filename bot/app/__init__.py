"""The only place that names concrete connectors and providers.

Its modules are imported by name: what `ask` needs is a part of what the server needs.
"""
