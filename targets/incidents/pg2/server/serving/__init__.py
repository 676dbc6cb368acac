"""What the application and its start command are made of."""
