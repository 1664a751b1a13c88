"""Runs models in a child process that imports TensorFlow; the server never does."""
