"""How a SAM3D decoder is trained: pairs of scans and labels, embedded once, then the paper's loss and schedule."""
