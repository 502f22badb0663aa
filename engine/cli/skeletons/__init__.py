"""What `harmony new` writes: files with @@PLACEHOLDERS@@, each a working definition."""
