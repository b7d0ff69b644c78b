"""Raw results on disk."""
