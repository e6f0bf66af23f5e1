"""How good the result is: the fixed set of pictures, the figures, the tables and the contact sheets."""
