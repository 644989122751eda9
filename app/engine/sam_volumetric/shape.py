"""The sizes that the published weights fix."""

SIDE = 128  # voxels of a crop along each axis
PATCH = 16
GRID = SIDE // PATCH
LOW = 4 * GRID  # side of the mask that is fed back, and of the decoder's answer
EMBEDDED = 384  # channels of prompt encoder and decoder
