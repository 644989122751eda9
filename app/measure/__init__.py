"""What a segment measures, how two segmentations agree, and tables of both."""
