"""What the documents lay out: tables, profiles, plays, and the object that their cells call."""
