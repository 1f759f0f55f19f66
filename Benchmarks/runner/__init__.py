"""What run.py is made of: child processes, measurements, the table and the plot. Standard library only."""
