"""Labels and contours in and out as other programs keep them: DICOM SEG, RT Structure Set, `.seg.nrrd`."""
