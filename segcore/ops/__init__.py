"""Small pure functions that several techniques need."""
