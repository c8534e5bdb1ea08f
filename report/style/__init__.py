"""Colours and fonts of charts, pages and mails."""
