"""What documents show: tables, profiles and plays."""
