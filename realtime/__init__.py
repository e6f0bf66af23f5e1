"""The live program: frames in, faces found, completed and drawn, results out."""
