"""Words and data in, text out: the plan as rows, rows as text or JSON, and diagnostics; it names no resource kind."""
