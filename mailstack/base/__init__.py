"""The ground floor: what every other package may use, and which itself needs nothing but the standard library."""
