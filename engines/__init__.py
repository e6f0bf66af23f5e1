"""The networks and the face model: what computes, how it is made and how it is judged."""
