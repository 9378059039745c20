"""The parts of `tools/train.py`: pictures, augmentation, one loop a framework, checkpoints."""
