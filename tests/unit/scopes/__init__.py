"""What is set for channels and the like: values, what holds, and what runs are made with."""
