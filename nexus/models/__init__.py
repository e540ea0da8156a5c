"""Chat models, embeddings, and the weights they run on."""
