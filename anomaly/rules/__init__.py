"""Rules of judgement, one file each; the list is in catalogue.py."""
