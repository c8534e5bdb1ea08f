"""Colours and fonts, the same for charts, pages and mails."""
