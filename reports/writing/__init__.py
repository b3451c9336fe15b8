"""From pages to files: Markdown, HTML, LaTeX, PDF, and the folder that they are written to."""
