"""From finished run folders to a report: frame → statistics → tables and figures → pages → Markdown and HTML."""
