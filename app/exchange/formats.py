"""Endings of the files of labels and contours that can be written; loads nothing, so that a menu asks it at once."""

DICOM = (".seg.dcm", ".rtstruct.dcm")
FORMATS = (*DICOM, ".seg.nrrd")
