"""What `measure.py` is made of: a file for each kind of figure."""
