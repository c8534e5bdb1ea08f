"""Mail sent exactly once: messages, SMTP, ledger and journals."""
