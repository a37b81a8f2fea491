"""What every implementation of a seam keeps: one suite each."""
