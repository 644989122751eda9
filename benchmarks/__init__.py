"""What the README's tables are made by. See README.md here."""
