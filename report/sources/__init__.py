"""Where a month's users come from: a file that memory holds, or an engine that asks them where they lie."""
