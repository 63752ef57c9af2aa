"""HTTP routes of the control room, one file for each subject."""
