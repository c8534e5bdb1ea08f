"""Mail handed to a server exactly once: messages, SMTP, the ledger and its journals."""
