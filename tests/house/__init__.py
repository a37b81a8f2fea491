"""How large the code is and how far one answer travels in it: `python -m tests.house`."""
