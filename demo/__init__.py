"""The demonstration: drawn flowers, ordinary Keras training, TensorBoard on its snapshots."""
