"""Month after month: unattended runs, notices to the owner, and the month to compare with."""
