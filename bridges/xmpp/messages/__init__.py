"""Messages between people, their copies, and signals without text."""
