"""What the layout test reads, and its rules about words; the tables are in test_layout.py."""
