"""What Everytoken costs and how it paces, measured; never part of a test's verdict."""
