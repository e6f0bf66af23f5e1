"""Drawing with ModernGL: the scene, its views, and the text over it."""
