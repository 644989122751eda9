"""Pictures of the document: slice views, the 3D view, surfaces and mesh files. Draws, never edits."""
